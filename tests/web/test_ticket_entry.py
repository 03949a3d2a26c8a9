"""Opening a stream with a ticket, and coming back with its cookie."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp.test_utils import make_mocked_request

from sse_signals import Grants, Identity
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.life.tickets import Tickets
from sse_signals.topics import Filters
from sse_signals.web.tickets import admit, prolong
from tests.web.rawhttp import ask, request
from tests.web.ticketed import JSON, PAGE, SAME, SECRET, closed_hub, opened, stream, ticket  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from aiohttp import web

    from sse_signals.web.tickets import Admitted
    from tests.authenticated import House


async def refused(hub: House, url: str, *headers: str) -> tuple[int, str]:
    """Ask for a stream that is refused, and return its status and cause."""
    answer = await ask(hub.url, request("GET", url, *headers))
    assert "Set-Cookie" not in answer.headers
    return answer.status, answer.kind


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
