"""What a client got, in order, whichever client it is."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

DEADLINE = 30.0  # seconds in which whatever a test waits for has to happen


class Received(NamedTuple):
    """One event as its receiver sees it: a signal's data is its topic and message, a control event's its details."""

    name: str
    id: str
    data: Any


class Inbox:
    """Collects what one client gets.

    Attributes:
        received: Every event, in the order in which the client dispatched it.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self._news = asyncio.Event()

    def put(self, name: str, event_id: str, data: str) -> None:
        """Take an event as the client dispatched it."""
        try:
            content = json.loads(data)
            content.pop("time", None)
        except ValueError:
            content = data  # torn; whoever compares it will see
        self.received.append(Received(name, event_id, content))
        self._news.set()

    @property
    def last_event_id(self) -> str:
        """The id of the last event that had one; empty when there was none."""
        return next((event.id for event in reversed(self.received) if event.id), "")

    @property
    def resumes(self) -> list[bool | None]:
        """What each connection was told about its resume: None when it asked for none."""
        return [event.data.get("recovered") for event in self.received if event.name == "signals.open"]

    def without(self, *names: str) -> list[Received]:
        """Return what was received except for the events with these names."""
        return [event for event in self.received if event.name not in names]

    async def until(self, event_id: str, name: str | None = None) -> None:
        """Wait for the event with an id, and with a name if one is given."""
        await self._until(lambda event: event.id == event_id and name in (None, event.name), f"{name} {event_id}")

    async def until_open(self) -> None:
        """Wait for the receipt of the stream."""
        await self._until(lambda event: event.name == "signals.open", "receipt")

    async def _until(self, wanted: Callable[[Received], bool], what: str) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                while not any(map(wanted, self.received)):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{what} never came; got {self.received}") from None


class Listen(Protocol):
    """A client: listens to a stream for as long as the context lasts, and resumes whenever its connection ends."""

    def __call__(self, url: str, inbox: Inbox, /) -> AbstractAsyncContextManager[object]:
        """Put what comes from ``url`` into ``inbox``."""
