"""Tickets over HTTP: asking for one, and who gets none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog

from sse_signals import Grants, Identity
from sse_signals.topics import Filters
from tests.authenticated import House, house
from tests.web.doors import foreign
from tests.web.rawhttp import ask, request
from tests.web.ticketed import JSON, PAGE, SAME, SECRET, closed_hub, opened, stream, ticket  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from tests.web.rawhttp import Answer

CATALOG = Grants(subscribe=Filters.parse(["catalog", "catalog:*", "a"]))


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
    given = 0
    while (answer := await hub.ask("POST", "tickets", token=token)).status == 200:
        given += 1
    assert 100 <= given < 150  # some more may be had while these are asked for
    assert (answer.status, answer.kind) == (429, "ticket-rate")
    assert 0 < int(answer.headers["Retry-After"]) <= 3
    await ticket(hub, token=hub.tokens.issue("user:default/bob"))


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
