"""Tickets over HTTP: asking for one, opening a stream with it, and coming back."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog
from aiohttp.test_utils import make_mocked_request

from sse_signals import Grants, Identity
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.life.tickets import Tickets
from sse_signals.topics import Filters
from sse_signals.web.tickets import admit, prolong
from tests.authenticated import House, house
from tests.web.doors import foreign
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from aiohttp import web

    from sse_signals.web.tickets import Admitted
    from tests.web.rawhttp import Answer

PAGE = "https://app.example.com"
JSON = "Content-Type: application/json"
SAME = "Sec-Fetch-Site: same-origin"
CATALOG = Grants(subscribe=Filters.parse(["catalog", "catalog:*", "a"]))
SECRET = {"secret": b"canary-secret-of-thirty-two-bytes"}


@pytest.fixture
async def hub() -> AsyncIterator[House]:
    """A hub on which everybody has to authenticate."""
    async with house(cors_origins={PAGE}, authentication=SECRET, logger=structlog.get_logger()) as opened:
        yield opened


async def ticket(hub: House, *headers: str, body: object = None, token: str | None = None) -> dict[str, Any]:
    """Ask for a ticket, and return the answer."""
    shown = token or hub.tokens.issue("user:default/ann", "group:default/a")
    content = b"" if body is None else json.dumps(body).encode()
    answer = await hub.ask("POST", "tickets", JSON, *headers, token=shown, body=content)
    assert answer.status == 200, answer
    members: dict[str, Any] = answer.json
    return members


@asynccontextmanager
async def stream(hub: House, url: str, *headers: str) -> AsyncIterator[tuple[asyncio.StreamReader, list[str]]]:
    """Open a stream as an EventSource does, and give its reader and the cookies it was told to keep."""
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", url, *headers, version="1.0"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head.splitlines()[0], head
        await reader.readuntil(b"event: signals.open\n")
        await reader.readuntil(b"\n\n")
        lines = [line.partition(": ") for line in head.splitlines()]
        yield reader, [value for name, _, value in lines if name.lower() == "set-cookie"]


async def opened(hub: House, url: str, *headers: str) -> str:
    """Open a stream with a new ticket and close it; return its cookie as the browser sends it."""
    async with stream(hub, url, *headers) as (_, cookies):
        assert len(cookies) == 1
        return f"Cookie: {cookies[0].partition(';')[0]}"


async def refused(hub: House, url: str, *headers: str) -> tuple[int, str]:
    """Ask for a stream that is refused, and return its status and cause."""
    answer = await ask(hub.url, request("GET", url, *headers))
    assert "Set-Cookie" not in answer.headers
    return answer.status, answer.kind


async def test_a_ticket_opens_the_stream_at_its_url(hub: House) -> None:
    """A page asks with its token, opens the URL, and gets what is targeted at its user."""
    made = await ticket(hub, body={"topics": ["orders/*", "a"]})
    assert set(made) == {"ticket", "expiresIn", "url"}
    assert made["expiresIn"] == 30
    assert made["url"] == f"/signals/stream?ticket={made['ticket']}&topic=orders/*&topic=a"
    async with stream(hub, made["url"], SAME) as (_, cookies):
        assert hub.service.streams == 1
        (held,) = hub.service.site.service.node.hub.streams
        assert held.identity.subject == "user:default/ann"
        assert held.identity.owns == {"group:default/a"}
    assert cookies[0].endswith("; Path=/signals/stream; Max-Age=3600; HttpOnly; Secure; SameSite=Lax")


async def test_a_ticket_answer_is_for_nobody_else(hub: House) -> None:
    """The answer with a ticket is not stored, is as closed as any other, and an allowed page may read it."""
    token = hub.tokens.issue("user:default/ann")
    answer = await hub.ask("POST", "tickets", f"Origin: {PAGE}", token=token)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "Authorization" in answer.headers["Vary"]
    assert (await hub.ask("POST", "tickets", "Origin: https://evil.com", token=token)).kind == "origin-not-allowed"


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (None, []),
        ({}, []),
        ({"topics": ["*"]}, [("topic", "*")]),
        ({"topics": ["a", "a"]}, [("topic", "a")]),
        ({"plugins": ["catalog"]}, [("plugin", "catalog")]),
        ({"topics": ["a b&c=d#e+f%41?"], "plugins": ["x"]}, [("topic", "a b&c=d#e+f%41?"), ("plugin", "x")]),
        ({"topics": ["Gro\u0308ße", "注文/*"]}, [("topic", "Größe"), ("topic", "注文/*")]),
        ({"topics": [f"t{number}" for number in range(64)]}, [("topic", f"t{number}") for number in range(64)]),
    ],
)
async def test_the_url_asks_for_what_the_ticket_is_for(hub: House, body: object, query: list[tuple[str, str]]) -> None:
    """Whatever topics a ticket is for, they come back from the URL as they were, and the URL opens the stream."""
    made = await ticket(hub, body=body)
    url = urlsplit(made["url"])
    assert (url.scheme, url.netloc, url.path) == ("", "", "/signals/stream")
    assert parse_qsl(url.query) == [("ticket", made["ticket"]), *query]
    await opened(hub, made["url"], SAME)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        (b"[]", "", "not a JSON object"),
        (b'"x"', "", "not a JSON object"),
        (b"{", "", "not valid JSON"),
        (b'{"topics": "a"}', "topics", "not a list"),
        (b'{"topics": null}', "topics", "null"),
        (b'{"topics": []}', "topics", "empty"),
        (b'{"plugins": []}', "plugins", "empty"),
        (b'{"topics": ["a", ""]}', "topics[1]", "empty"),
        (b'{"topics": ["a*b"]}', "topics[0]", "'*'"),
        (b'{"topics": ["a", "b", 1]}', "topics[2]", "not text"),
        (b'{"topics": ["\\u0000*"]}', "topics[0]", "U+0000"),
        (b'{"plugins": ["a:b"]}', "plugins[0]", "':'"),
        (b'{"topic": ["a"]}', "topic", "no such member"),
        (b'{"topics": ["' + b'","'.join(b"%d" % n for n in range(65)) + b'"]}', "topics", "more than 64"),
        (b'{"topics": [' + b",".join([b'""'] * 65) + b"]}", "topics", "more than 64"),
        (b'{"plugins": ["' + b'","'.join(b"%d" % n for n in range(33)) + b'"]}', "topics", "more than 64"),
        (b'{"topics": ["' + b'","'.join(b"%d" % n * 120 for n in range(10, 50)) + b'"]}', "topics", "of 8000"),
        (json.dumps({str(n): 1 for n in range(33)}).encode(), "", "33 members"),
    ],
)
async def test_bodies_that_break_rules_are_refused(hub: House, body: bytes, field: str, says: str) -> None:
    """A request that is not as it may be gets 400, which names the field at fault and what to do."""
    token = hub.tokens.issue("user:default/ann")
    answer = await hub.ask("POST", "tickets", JSON, token=token, body=body)
    assert (answer.status, answer.kind) == (400, "bad-ticket-request")
    (error,) = answer.problem["errors"]
    assert error["field"] == field
    assert says in error["detail"]
    assert says in answer.problem["detail"]


async def test_every_field_at_fault_is_named(hub: House) -> None:
    """All that is wrong is said at once."""
    body = b'{"topics": ["", "a", "b*c"], "plugins": ["*"], "x": 1}'
    answer = await hub.ask("POST", "tickets", JSON, token=hub.tokens.issue("user:default/ann"), body=body)
    assert {error["field"] for error in answer.problem["errors"]} == {"topics[0]", "topics[2]", "plugins[0]", "x"}


async def test_bodies_of_other_kinds_are_refused(hub: House) -> None:
    """A form, a body that is too long, or parameters where none belong, are refused as such."""
    token = hub.tokens.issue("user:default/ann")
    form = await hub.ask("POST", "tickets", "Content-Type: text/plain", token=token, body=b"{}")
    assert (form.status, form.kind) == (415, "content-type")
    long = await hub.ask("POST", "tickets", JSON, token=token, body=b" " * (2**20 + 1))
    assert (long.status, long.kind) == (413, "body-too-large")
    asked = await hub.ask("POST", "tickets?topic=a", token=token)
    assert (asked.status, asked.kind) == (400, "bad-parameter")
    assert "body" in asked.problem["hint"]


async def test_what_is_not_granted_gets_no_ticket(hub: House) -> None:
    """Grants are checked when the ticket is asked for, and name what is refused."""
    token = hub.tokens.issue("user:default/ann", grants=CATALOG)
    answer = await hub.ask("POST", "tickets", JSON, token=token, body=b'{"topics": ["a", "b"]}')
    assert (answer.status, answer.kind) == (403, "not-granted")
    assert "'b'" in answer.problem["detail"]
    await ticket(hub, body={"topics": ["a"], "plugins": ["catalog"]}, token=token)
    await ticket(hub, token=token)
    nothing = hub.tokens.issue("user:default/bob", grants=Grants(subscribe=Filters.parse(["x"])))
    assert (await hub.ask("POST", "tickets", JSON, token=nothing, body=b'{"topics": ["a"]}')).status == 403


@pytest.mark.parametrize("headers", [[], ["Cookie: token=token-0-of-a-test", f"Origin: {PAGE}"]])
async def test_only_a_bearer_gets_a_ticket(headers: list[str]) -> None:
    """Without an Authorization header there is no ticket: a cookie, which browsers add by themselves, gets none."""
    authentication = {"cookie": "token", **SECRET}
    logger = structlog.get_logger()
    async with house(cors_origins={PAGE}, authentication=authentication, anonymous=True, logger=logger) as hub:
        hub.tokens.issue("user:default/ann")
        with structlog.testing.capture_logs() as logs:
            answer = await hub.ask("POST", "tickets", *headers)
        assert (answer.status, answer.kind) == (401, "no-credentials")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "Authorization: Bearer" in answer.problem["hint"]
        assert [entry["cause"] for entry in logs if "cause" in entry] == ["no-credentials"]


async def test_11_a_token_in_the_url_gets_no_ticket(hub: House) -> None:
    """11: A bearer token in the URL is refused, with what to do instead."""
    token = hub.tokens.issue("user:default/ann")
    for query in (f"access_token={token}", f"token={token}"):
        answer = await hub.ask("POST", f"tickets?{query}")
        assert (answer.status, answer.kind) == (400, "token-in-url")
        assert "Authorization: Bearer" in answer.problem["hint"]
        assert token.encode() not in answer.body


async def test_tokens_that_nobody_is_behind_get_no_ticket(hub: House) -> None:
    """A token without a subject gets none, and the one log line says why."""
    hub.tokens.known["token-nobody"] = Identity(None)
    with structlog.testing.capture_logs() as logs:
        answer = await hub.ask("POST", "tickets", token="token-nobody")
    assert (answer.status, answer.kind) == (401, "no-credentials")
    assert [entry["cause"] for entry in logs if "cause" in entry] == ["no-credentials"]


async def test_where_nobody_authenticates_there_are_no_tickets() -> None:
    """A hub that lets everybody in says that tickets are not needed."""
    async with foreign() as door:
        answer = await ask(door.url, request("POST", "/signals/tickets", "Authorization: Bearer x"))
    assert (answer.status, answer.kind) == (404, "no-tickets")


async def test_too_many_tickets_of_one_subject(hub: House) -> None:
    """Somebody who asks for tickets without end gets 429, and when to come back."""
    token = hub.tokens.issue("user:default/ann")
    answers = [await hub.ask("POST", "tickets", token=token) for _ in range(101)]
    assert [answer.status for answer in answers] == [200] * 100 + [429]
    assert answers[-1].kind == "ticket-rate"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3
    await ticket(hub, token=hub.tokens.issue("user:default/bob"))


async def test_11_an_eventsource_comes_back_with_its_cookie(hub: House) -> None:
    """11: The same URL works again with the cookie it was given, which is not replaced, and without it never."""
    url = (await ticket(hub, body={"topics": ["a"]}))["url"]
    cookie = await opened(hub, url, SAME)
    for _ in range(3):
        async with stream(hub, url, cookie, SAME) as (_, cookies):
            assert cookies == []
    async with stream(hub, url, cookie, f"Origin: {PAGE}", "Sec-Fetch-Site: same-site"):
        pass
    assert await refused(hub, url, SAME) == (401, "used-ticket")
    assert await refused(hub, url, cookie) == (403, "origin-missing")
    assert await refused(hub, url, cookie, "Origin: https://evil.com") == (403, "origin-not-allowed")
    assert await refused(hub, url, cookie, "Sec-Fetch-Site: cross-site") == (403, "origin-not-allowed")
    assert await refused(hub, url, cookie, "Sec-Fetch-Site: none") == (403, "origin-not-allowed")
    assert await refused(hub, url + "&topic=b", cookie, SAME) == (401, "ticket-for-other-topics")


async def test_11_a_foreign_page_does_not_use_up_a_ticket(hub: House) -> None:
    """11: A page of another site cannot redeem a ticket, nor take it from whom it was issued to."""
    url = (await ticket(hub))["url"]
    for site in ("cross-site", "same-site"):
        assert await refused(hub, url, f"Sec-Fetch-Site: {site}") == (403, "origin-not-allowed")
    assert await refused(hub, url, "Origin: https://evil.com") == (403, "origin-not-allowed")
    await opened(hub, url, f"Origin: {PAGE}", "Sec-Fetch-Site: cross-site")


async def test_clients_without_pages_may_use_a_ticket(hub: House) -> None:
    """A ticket may be redeemed with curl, which says nothing of pages, and by who types the URL."""
    await opened(hub, (await ticket(hub))["url"])
    await opened(hub, (await ticket(hub))["url"], "Sec-Fetch-Site: none")


async def test_11_tickets_and_topics_must_agree(hub: House) -> None:
    """11: A ticket opens no stream but the one it is for, whatever else is wrong, and stays good for that."""
    made = await ticket(hub, body={"topics": ["a"]})
    for query in ("", "&topic=b", "&topic=a&topic=b", "&topic=*"):
        wrong = f"/signals/stream?ticket={made['ticket']}{query}"
        assert await refused(hub, wrong, SAME) == (401, "ticket-for-other-topics")
    await opened(hub, made["url"], SAME)


async def test_11_thirty_seconds_on_the_wall(hub: House) -> None:
    """11: A ticket is refused when its 30 seconds are over, like one that never was."""
    made = await ticket(hub)
    hub.clock.advance(30)
    assert await refused(hub, made["url"], SAME) == (401, "unknown-ticket")
    assert await refused(hub, "/signals/stream?ticket=never", SAME) == (401, "unknown-ticket")
    assert await refused(hub, f"/signals/stream?ticket={'a' * 43}", SAME) == (401, "unknown-ticket")


async def test_10_cookies_that_contradict_each_other(hub: House) -> None:
    """10: The session's cookie twice, or another ticket's cookie under this one's name, is refused."""
    first, second = [(await ticket(hub))["url"] for _ in range(2)]
    cookie, other = [await opened(hub, url, SAME) for url in (first, second)]
    forged = cookie.partition("=")[0] + "=" + other.partition("=")[2]
    assert await refused(hub, first, cookie, forged, SAME) == (400, "ambiguous-credentials")
    assert await refused(hub, first, f"{cookie}; {cookie[8:]}", SAME) == (400, "ambiguous-credentials")
    assert await refused(hub, first, forged, SAME) == (401, "bad-session")
    async with stream(hub, first, cookie, other, SAME), stream(hub, second, f"{other}; {cookie[8:]}", SAME):
        assert hub.service.streams == 2, "each finds its own"


async def test_10_a_ticket_and_a_token_of_different_people(hub: House) -> None:
    """10: A ticket together with somebody else's token is refused, as are two tickets."""
    made = await ticket(hub)
    bob = hub.tokens.issue("user:default/bob")
    assert await refused(hub, made["url"], f"Authorization: Bearer {bob}") == (401, "ticket-of-another-subject")
    assert await refused(hub, made["url"], "Authorization: Bearer token-forged") == (401, "unknown-key")
    twice = f"{made['url']}&ticket={made['ticket']}"
    assert await refused(hub, twice, SAME) == (400, "bad-parameter")
    cookie = await opened(hub, made["url"], SAME)  # no try has used it up
    bobs = f"Authorization: Bearer {bob}"
    assert await refused(hub, made["url"], cookie, SAME, bobs) == (401, "ticket-of-another-subject")


async def test_13_revoked_people_do_not_come_back(hub: House) -> None:
    """13: After a subject is revoked neither its tickets nor its cookies let it in; a fresh token's do."""
    admin = hub.tokens.issue("user:default/admin", grants=Grants(admin=True))
    url = (await ticket(hub))["url"]
    cookie = await opened(hub, url, SAME)
    unused = (await ticket(hub))["url"]
    body = json.dumps({"subject": "user:default/ann"}).encode()
    assert (await hub.ask("POST", "revocations", JSON, token=admin, body=body)).status < 300
    assert await refused(hub, url, cookie, SAME) == (401, "revoked")
    assert await refused(hub, unused, SAME) == (401, "revoked")
    hub.clock.advance(1)
    await opened(hub, (await ticket(hub))["url"], SAME)


async def test_13_expired_people_do_not_come_back(hub: House) -> None:
    """13: A cookie ends with the token that its ticket was issued for."""
    token = hub.tokens.issue("user:default/ann", seconds=60)
    url = (await ticket(hub, token=token))["url"]
    cookie = await opened(hub, url, SAME)
    hub.clock.advance(60)
    assert await refused(hub, url, cookie, SAME) == (401, "expired")


async def test_11_tickets_and_cookies_are_told_nowhere(hub: House) -> None:
    """11: No log line, answer or state key holds a ticket's text or a cookie, however requests with them end."""
    with structlog.testing.capture_logs() as logs:
        made = await ticket(hub)
        cookie = await opened(hub, made["url"], SAME)
        answers: list[Answer] = [
            await ask(hub.url, request("GET", made["url"] + extra, *headers))
            for extra in ("", "&topic=b", "x", "&x=1")
            for headers in ([SAME], [cookie, SAME], [cookie + "x", SAME], [cookie], [cookie, cookie, SAME])
            if (extra, headers) != ("", [cookie, SAME])
        ]
    assert {answer.status for answer in answers} == {400, 401, 403}
    tickets = hub.service.site.tickets
    assert tickets is not None
    keys = [key for key, _ in await tickets.sessions._state.items("")]
    causes = {entry["cause"] for entry in logs if "cause" in entry}
    assert causes == {"used-ticket", "unknown-ticket", "bad-session", "ticket-for-other-topics"}
    told = json.dumps(logs, default=repr) + repr([(each.headers, each.body) for each in answers]) + repr(keys)
    value = cookie.partition("=")[2]
    for secret in (made["ticket"], value, value.rpartition(".")[2], "canary"):
        assert secret not in told


class Hall:
    """What lets streams in, without a hub around it."""

    def __init__(self) -> None:
        self.tickets = Tickets(MemoryState(), secret=SECRET["secret"], clock=lambda: 1_000_000)
        self.ann = Identity("user:default/ann", expires_ms=1_060_000)

    async def enter(self, text: str, *cookies: str, path: str = "/signals/stream") -> Admitted:
        """Let a stream in."""
        headers = {"Host": "hub", "Sec-Fetch-Site": "same-origin", "Cookie": "; ".join(cookies)}
        asked: web.BaseRequest = make_mocked_request("GET", f"{path}?ticket={text}", headers)
        return await admit(self.tickets, asked, text, Filters.parse(["a"]), allowed=())


async def test_a_browser_keeps_a_few_sessions() -> None:
    """Every entry, with a ticket or a cookie, leaves a browser with the newest eight session cookies."""
    hall = Hall()
    old = [f"signals-session-{number:016x}=x" for number in range(8)]
    ticket = await hall.tickets.issue(hall.ann, None)
    entered = await hall.enter(ticket.text, *old)
    gone, new = entered.set_cookies
    assert gone == "signals-session-0000000000000000=; Path=/signals/stream; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
    cookie = new.partition(";")[0]
    assert "Max-Age=60;" in new
    back = await hall.enter(ticket.text, *old, cookie)
    assert list(back.set_cookies) == [gone]
    assert (await hall.enter(ticket.text, *old[1:], cookie)).set_cookies == []
    assert cookie.partition("=")[2] not in repr(entered)


async def test_the_cookie_goes_where_the_stream_is() -> None:
    """The cookie's path is the stream's own, wherever an application has mounted it."""
    hall = Hall()
    ticket = await hall.tickets.issue(hall.ann, None)
    entered = await hall.enter(ticket.text, path="/apps/one/signals/stream")
    assert "; Path=/apps/one/signals/stream; " in entered.set_cookies[0]


async def test_a_renewed_stream_comes_back_with_its_new_cookie() -> None:
    """Prolonging gives the same cookie a new value and a later end."""
    hall = Hall()
    ticket = await hall.tickets.issue(hall.ann, None)
    entered = await hall.enter(ticket.text)
    fresh = Identity("user:default/ann", expires_ms=1_300_000)
    renewed = await prolong(hall.tickets, entered.admission.session, fresh, path="/signals/stream")
    old, new = entered.set_cookies[0], renewed
    assert old.partition("=")[0] == new.partition("=")[0]
    assert "; Path=/signals/stream; Max-Age=300; HttpOnly; Secure; SameSite=Lax" in new
    assert (await hall.enter(ticket.text, new.partition(";")[0])).admission.identity == fresh
