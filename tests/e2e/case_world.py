"""A client and what it needs to be tried, and a judge of what it got."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.e2e.host import CLOSED
from tests.e2e.inbox import DEADLINE, Inbox
from tests.e2e.road import Road
from tests.e2e.scenario import Publisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    import aiohttp

    from tests.conftest import StartHub
    from tests.e2e.clients import Client
    from tests.e2e.inbox import Received

YES, LOSES, DOUBLES, CHANGES, WAITS, ANEW = "yes", "loses", "doubles", "changes it", "waits", "starts anew"
GIVES_UP, IGNORES, CANNOT = "gives up", "ignores it", "cannot"
SHORT = 2.5  # seconds until a client that is known to wait for ever is believed to do so
TOPICS = ("shop:orders", "catalog:*")
QUERY = "?" + "&".join(f"topic={topic}" for topic in TOPICS)
A, B = "group:default/a", "group:default/b"


class Ear(Inbox):
    """What one client got, and a judge of it."""

    async def heard(self, event_id: str) -> None:
        """Wait for the event with an id, or for the client to give up."""
        await self._until(lambda event: event.id == event_id or event.name == CLOSED, event_id)

    async def judged(self, expected: Sequence[Received]) -> str:
        """Wait for the last of what was expected, and say what became of all of it."""
        await self.heard(expected[-1].id)
        got = self.without("signals.open", "signals.heartbeat", "signals.goodbye")
        if got and got[-1].name == CLOSED:
            return GIVES_UP
        if got == list(expected):
            return YES
        if missing := [event for event in expected if event not in got]:
            same = {event.id for event in got}
            return CHANGES if any(event.id in same for event in missing) else LOSES
        return DOUBLES if all(event in expected for event in got) else CHANGES


@dataclass
class World:
    """A client and what it needs to be tried.

    Attributes:
        start_hub: Starts a hub.
        http: Publishes.
        listen: The client.
        origin: Of the page on which the client is, if it is on one.
        has_token: Whether the client can show a token.
        patience: Seconds to wait for the client to notice a dead connection.
    """

    start_hub: StartHub
    http: aiohttp.ClientSession
    listen: Client
    origin: str
    has_token: bool = True
    patience: float = DEADLINE

    async def hub(self, **options: Any) -> tuple[str, Publisher]:
        """Start a hub; returns its URL and who publishes there."""
        hub = await self.start_hub(cors_origins=self.origin, **({"heartbeat": 3600} | options))
        return hub.url, Publisher(self.http, hub.url)

    @asynccontextmanager
    async def listening(self, hub: str, query: str = QUERY, **how: Any) -> AsyncIterator[tuple[Road, Ear]]:
        """Listen by a road of one's own."""
        listener = {name: how.pop(name) for name in ("token", "silence") if name in how}
        ear = Ear()
        async with Road(hub, **how) as road, self.listen(f"{road.url}/stream{query}", ear, **listener):
            await road.is_open()
            yield road, ear


def order(message: Any, **more: Any) -> dict[str, Any]:
    """Return a signal to the first of the topics."""
    return {"topic": TOPICS[0], "message": message, **more}
