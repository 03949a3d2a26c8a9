"""Streams that a ticket did not open after all: the ticket is as good as it was, as their clients come again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import Limits
from sse_signals.errors import BrokerUnavailable, IssuerUnavailable, TooMany
from tests.authenticated import house
from tests.web.doors import until
from tests.web.listening import below, listening, ticket
from tests.web.rawhttp import connection, request

if TYPE_CHECKING:
    from tests.authenticated import House

FAILURES = [
    BrokerUnavailable("cut off"),
    IssuerUnavailable("away"),
    TooMany("full", "There are too many.", retry_after=1),
]
SAME_SITE = "Sec-Fetch-Site: same-origin"


async def opens_one(hub: House, path: str) -> None:
    """See that a ticket opens one stream, with a cookie, and no other."""
    answer = await hub.ask("GET", f"{path}&poll=1", SAME_SITE)
    assert (answer.status, "Set-Cookie" in answer.headers) == (200, True)
    assert (await hub.ask("GET", f"{path}&poll=1", SAME_SITE)).kind == "used-ticket"


async def test_11_a_ticket_of_somebody_with_too_many_streams() -> None:
    """11: an EventSource that is sent away comes again at its URL, and then finds its ticket good."""
    async with house(limits=Limits(streams_per_identity=1)) as hub:
        token = hub.tokens.issue("ann")
        path = below(await ticket(hub, token))
        async with listening(hub, token):
            answer = await hub.ask("GET", path, SAME_SITE)
            assert b'{"reason":"identity-streams"}' in answer.body
            assert "Set-Cookie" not in answer.headers
        await until(lambda: not hub.service.streams)
        await opens_one(hub, path)


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("after", ["admitted", "refreshed", "remembered"])
async def test_11_a_ticket_at_a_bad_moment(failure: Exception, after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """11: whatever is out of reach once a ticket was redeemed, whoever is told to come again can."""
    async with house() as hub:
        site = hub.service.site
        path = below(await ticket(hub, hub.tokens.issue("ann")))
        assert site.security is not None
        assert site.tickets is not None
        owner: Any = {"admitted": site.security.access, "refreshed": site.tickets.sessions, "remembered": site.service}
        name = {"admitted": "refreshed", "refreshed": "remember", "remembered": "look_up"}[after]

        async def fails(*_: Any, **__: Any) -> None:
            raise failure

        with monkeypatch.context() as broken:
            broken.setattr(owner[after], name, fails)
            answer = await hub.ask("GET", path, SAME_SITE)
            assert b"signals.goodbye" in answer.body
            assert "Set-Cookie" not in answer.headers
        await opens_one(hub, path)


@pytest.mark.parametrize("after", ["refreshed", "remembered"])
async def test_11_who_leaves_before_the_answer(after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """11: a connection that breaks while a ticket is being redeemed costs its browser nothing."""
    async with house() as hub:
        site = hub.service.site
        path = await ticket(hub, hub.tokens.issue("ann"))
        tickets, asked, cancelled = site.tickets, asyncio.Event(), asyncio.Event()
        assert tickets is not None

        async def waits(*_: Any, **__: Any) -> None:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        with monkeypatch.context() as slow:
            owner, name = (tickets.sessions, "remember") if after == "refreshed" else (site.service, "look_up")
            slow.setattr(owner, name, waits)
            async with connection(hub.url) as (_, writer):
                writer.write(request("GET", path, SAME_SITE))
                await asked.wait()
            await cancelled.wait()
        await until(lambda: not tickets._errands._tasks)
        await opens_one(hub, below(path))
