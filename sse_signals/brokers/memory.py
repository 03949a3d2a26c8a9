"""``memory://``: the log of one process. It is lost with the process, and its epoch with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.epochs import new_epoch
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IdempotencyConflict, IdempotencyTableFull
from sse_signals.history import History
from sse_signals.interfaces import at_once
from sse_signals.model import INDEX_BITS, INDEX_MASK, ControlRecord, EventId, HistoryLimits, Receipt, Tail, position
from sse_signals.wire.frames import event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.model import Event, IdempotencyKey, Signal

_PIECE: Final = 1000  # events a follower is given at a time


@dataclass(frozen=True, slots=True)
class _Remembered:
    digest: bytes
    record: int
    count: int
    until_ms: int


class MemoryBroker:
    """A log in this process's memory: durable as long as the process lives."""

    def __init__(
        self,
        limits: HistoryLimits | None = None,
        options: BrokerOptions | None = None,
        *,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """Make an empty log with an epoch of its own.

        Args:
            limits: How much of the log is kept for nodes that start late or follow slowly.
            options: How idempotency keys are remembered.
            clock: Returns milliseconds since 1970-01-01 UTC; the log's times never run backwards even if it does.
        """
        self._clock = clock
        self._options = options or BrokerOptions()
        self._epoch = new_epoch()
        self._log = History(limits or HistoryLimits(), EventId(self._epoch, 0))
        self._time_ms = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._keys: dict[tuple[str, str], _Remembered] = {}

    async def open(self) -> None:
        """See `sse_signals.interfaces.Broker.open`."""

    @at_once
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`. Nothing here waits, so the append cannot be interrupted."""
        now_ms = self._time_ms = max(self._time_ms, self._clock())
        if key is not None:
            self._forget_keys(now_ms)
            known = self._keys.get((key.publisher, key.key))
            if known is not None:
                if known.digest != key.digest:
                    raise IdempotencyConflict("the idempotency key was used for another request")
                return Receipt(self._ids(known.record, known.count), repeated=True)
            if len(self._keys) >= self._options.idempotency_keys:
                oldest = next(iter(self._keys.values()))
                raise IdempotencyTableFull((oldest.until_ms - now_ms) / 1000)
        record = self._next_record()
        ids = self._ids(record, len(signals))
        self._append([event(event_id, now_ms, signal) for event_id, signal in zip(ids, signals, strict=True)])
        if key is not None:
            until_ms = now_ms + round(self._options.idempotency_window * 1000)
            self._keys[key.publisher, key.key] = _Remembered(key.digest, record, len(signals), until_ms)
        return Receipt(ids)

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        return EventId(self._epoch, self._log.head)

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`. The node trims to its other limits as it loads."""
        log = self._log
        first = max(log.start, log.end - limits.count)
        return Tail(EventId(self._epoch, log.position_before(first)), log.read(first, log.end))

    async def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        """See `sse_signals.interfaces.Broker.follow`."""
        at = after.position if after.epoch == self._epoch else 0
        while True:
            sequence = self._log.find(at)
            if sequence < self._log.end:
                events = self._log.read(sequence, self._record_end(sequence + _PIECE))
                at = events[-1].position
                yield events
            else:
                await self._grown()

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        self._time_ms = max(self._time_ms, self._clock())
        place = EventId(self._epoch, position(self._next_record()))
        self._append([ControlRecord(place.epoch, place.position, self._time_ms, None, frozenset(), b"", data)])
        return place

    async def close(self) -> None:
        """See `sse_signals.interfaces.Broker.close`."""

    def _record_end(self, sequence: int) -> int:
        """Return the next end of a record: ids cannot show that the rest of a record is missing, so none is divided."""
        while sequence < self._log.end and self._log.read(sequence, sequence + 1)[0].position & INDEX_MASK:
            sequence += 1
        return sequence

    def _ids(self, record: int, count: int) -> Sequence[EventId]:
        return [EventId(self._epoch, position(record, index)) for index in range(count)]

    def _next_record(self) -> int:
        return (self._log.head >> INDEX_BITS) + 1

    def _append(self, events: Sequence[Event]) -> None:
        for each in events:
            self._log.append(each)
        self._log.trim(self._time_ms)
        waiting, self._waiting = self._waiting, set()
        for follower in waiting:
            if not follower.done():
                follower.set_result(None)

    async def _grown(self) -> None:
        """Wait for the next record. A future of the loop that waits: the log may outlive one loop and serve another."""
        follower = asyncio.get_running_loop().create_future()
        self._waiting.add(follower)
        try:
            await follower
        finally:
            self._waiting.discard(follower)

    def _forget_keys(self, now_ms: int) -> None:
        while self._keys:
            oldest = next(iter(self._keys))
            if self._keys[oldest].until_ms > now_ms:
                return
            del self._keys[oldest]
