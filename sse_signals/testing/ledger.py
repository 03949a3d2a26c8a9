"""What was published on a hub, and a way to wait for more of it from any thread or loop."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

T = TypeVar("T")
_LONGEST: Final = 86_400.0  # seconds; more is a mistake


class HubEnded(RuntimeError):
    """A hub is asked for something that has ended: a mistake in a test."""

    def __init__(self) -> None:
        super().__init__("the hub has ended: it lives as long as its fixture, or 'with hub()'")


def check_seconds(name: str, seconds: float) -> None:
    """Refuse a time that would last for ever, or mean nothing.

    Raises:
        ValueError: It is not from 0 to 86,400 seconds.
    """
    if not 0 <= seconds <= _LONGEST:
        raise ValueError(f"{name} is from 0 to {_LONGEST:g} seconds, not {seconds!r}")


@dataclass(frozen=True, slots=True)
class Published:
    """A signal that was published on the hub of a test.

    Attributes:
        id: Its event id.
        time: When the hub took it, in UTC.
        address: Where it was published: ``orders/1``, ``catalog:my-topic``; None for a broadcast.
        message: The message.
        targets: Entity refs of which a receiver must own one; None means everyone, empty means nobody.
        event: Its event name, ``message`` unless the publisher named it.
        by_test: Whether the test itself published it, with `SignalsHub.publish`.
    """

    id: str
    time: datetime
    address: str | None
    message: Any
    targets: frozenset[str] | None = None
    event: str = "message"
    by_test: bool = False


class Ledger:
    """All that was published, in order, and which of it has answered an `expect`.

    The hub's thread adds, others read and take. Each step is one operation on a list or dict, so that none needs a
    lock, and nobody who waits in an event loop is stopped by one.

    Attributes:
        published: What was published, oldest first.
        ended: Whether the hub has ended, so that nothing can come any more.
    """

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.ended = False
        self._open: dict[str, Published] = {}  # by id: what no `expect` was answered with yet
        self._bells: list[Callable[[], object]] = []

    def add(self, event: Published) -> None:
        """Write down what was published, and wake whoever waits."""
        self.published.append(event)
        if not event.by_test:
            self._open[event.id] = event
        self.ring()

    def ring(self) -> None:
        """Have everybody who waits look again."""
        for bell in tuple(self._bells):
            bell()

    def forget(self) -> None:
        """Begin anew, as if nothing had been published."""
        self.published.clear()
        self._open.clear()

    def end(self) -> None:
        """Have everybody who waits give up: the hub has ended."""
        self.ended = True
        self.ring()

    def is_open(self, event: Published) -> bool:
        """Say whether an event can still answer an `expect`."""
        return event.id in self._open

    def find(self, matches: Callable[[Published], object]) -> Published | None:
        """Return the oldest event that matches and has answered no `expect`; it still can."""
        return next((event for event in tuple(self._open.values()) if matches(event)), None)

    def take(self, matches: Callable[[Published], object]) -> Published | None:
        """Return the oldest event that matches and has answered no `expect`; from now on it has."""
        while (event := self.find(matches)) is not None:
            if self._open.pop(event.id, None) is not None:  # or another thread was faster
                return event
        return None

    def wait(self, look: Callable[[], T | None], within: float) -> T | None:
        """Return what ``look`` finds, or None if that is still nothing after ``within`` seconds; blocks the thread.

        Raises:
            HubEnded: It has found nothing, and the hub has ended.
            ValueError: That is no time to wait.
        """
        __tracebackhide__ = True
        check_seconds("the time to wait", within)
        deadline = monotonic() + within
        bell: SimpleQueue[None] = SimpleQueue()
        with self._listening(lambda: bell.put(None)):
            while (found := self._looked(look)) is None and (left := deadline - monotonic()) > 0:
                with suppress(Empty):
                    bell.get(timeout=left)
        return found

    async def wait_async(self, look: Callable[[], T | None], within: float) -> T | None:
        """As `wait`, without blocking the event loop."""
        __tracebackhide__ = True
        check_seconds("the time to wait", within)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        bell = asyncio.Event()
        with self._listening(lambda: loop.call_soon_threadsafe(bell.set)):
            while (found := self._looked(look)) is None and loop.time() < deadline:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await bell.wait()
                bell.clear()  # before the next look, so that nothing that comes after it goes unheard
        return found

    def _looked(self, look: Callable[[], T | None]) -> T | None:
        __tracebackhide__ = True
        found = look()
        if found is None and self.ended:
            raise HubEnded
        return found

    @contextmanager
    def _listening(self, bell: Callable[[], object]) -> Iterator[None]:
        self._bells.append(bell)
        try:
            yield
        finally:
            self._bells.remove(bell)
