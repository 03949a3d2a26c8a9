"""The newest events of a log, held in this process, for those who follow it and those who start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import INDEX_MASK, EventId, Fork, Tail

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sse_signals.history import History
    from sse_signals.model import Event, HistoryLimits

_PIECE: Final = 1000  # events a follower is given at a time


class Held:
    """What is held of a log. Each follower belongs to the event loop that it runs in, and all else to no loop."""

    def __init__(self, history: History) -> None:
        """Hold what was read of the log.

        Args:
            history: The newest events.
        """
        self._history = history
        self._closed = False
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def head(self) -> EventId:
        """The id of the newest event, or of the place before the first."""
        return EventId(self._history.epoch, self._history.head)

    def tail(self, limits: HistoryLimits) -> Tail:
        """Return the newest events; the node trims to its other limits as it loads."""
        history = self._history
        first = max(history.start, history.end - limits.count)
        lineage = history.lineage if history.lineage.forks else None
        return Tail(EventId(history.epoch, history.position_before(first)), history.read(first, history.end), lineage)

    def append(self, events: Sequence[Event], now_ms: int) -> None:
        """Add what the log has taken, drop what the limits do not allow any more, and wake who follows."""
        for each in events:
            self._history.append(each)
        self._history.trim(now_ms)
        self._wake()

    def trim(self, now_ms: int) -> None:
        """Drop what is too old."""
        self._history.trim(now_ms)

    def replace(self, history: History) -> None:
        """Hold what was read of the log anew."""
        self._history = history
        self._wake()

    def close(self) -> None:
        """End the followers."""
        self._closed = True
        self._wake()

    async def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        """Yield what comes after an id; see `sse_signals.interfaces.Broker.follow`.

        Raises:
            BrokerUnavailable: The log was closed, or another one, unrelated, is in its place.
        """
        epoch, at = after.epoch, after.position
        if epoch != self._history.epoch and self._history.lineage.shared(epoch) is None:
            epoch, at = self._history.epoch, 0
        while not self._closed:
            history = self._history
            sequence = history.find(at)
            if history.epoch != epoch:
                shared = history.lineage.shared(epoch)
                if shared is None:
                    raise BrokerUnavailable("another log is in the place of the one that was followed")
                epoch, at = history.epoch, min(at, shared)
                yield [Fork.to(history.lineage, at)]
            elif sequence < history.end:
                events = history.read(sequence, self._record_end(sequence + _PIECE))
                at = events[-1].position
                yield events
            else:
                await self._changed()
        raise BrokerUnavailable("the log was closed")

    def _record_end(self, sequence: int) -> int:
        """Return the next end of a record: ids cannot show that the rest of a record is missing, so none is divided."""
        history = self._history
        while sequence < history.end and history.read(sequence, sequence + 1)[0].position & INDEX_MASK:
            sequence += 1
        return sequence

    async def _changed(self) -> None:
        follower = asyncio.get_running_loop().create_future()
        self._waiting.add(follower)
        try:
            await follower
        finally:
            self._waiting.discard(follower)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for follower in waiting:
            if not follower.done():
                follower.set_result(None)
