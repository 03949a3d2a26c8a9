"""``memory://``: the log of one process. It is lost with the process, and its epoch with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.epochs import new_epoch
from sse_signals.brokers.held import Held
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IdempotencyConflict, IdempotencyTableFull
from sse_signals.history import History
from sse_signals.interfaces import at_once
from sse_signals.model import INDEX_BITS, ControlRecord, EventId, HistoryLimits, Receipt, Tail, position
from sse_signals.wire.frames import event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sse_signals.model import Event, IdempotencyKey, Signal


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
        self._log = Held(History(limits or HistoryLimits(), EventId(self._epoch, 0)))
        self._time_ms = 0
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
        events = [event(event_id, now_ms, signal) for event_id, signal in zip(ids, signals, strict=True)]
        self._log.append(events, now_ms)
        if key is not None:
            until_ms = now_ms + round(self._options.idempotency_window * 1000)
            self._keys[key.publisher, key.key] = _Remembered(key.digest, record, len(signals), until_ms)
        return Receipt(ids)

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        return self._log.head

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`. The node trims to its other limits as it loads."""
        return self._log.tail(limits)

    def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        """See `sse_signals.interfaces.Broker.follow`."""
        return self._log.follow(after)

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        self._time_ms = max(self._time_ms, self._clock())
        place = EventId(self._epoch, position(self._next_record()))
        record = ControlRecord(place.epoch, place.position, self._time_ms, None, frozenset(), b"", data)
        self._log.append([record], self._time_ms)
        return place

    async def close(self) -> None:
        """See `sse_signals.interfaces.Broker.close`."""

    def _ids(self, record: int, count: int) -> Sequence[EventId]:
        return [EventId(self._epoch, position(record, index)) for index in range(count)]

    def _next_record(self) -> int:
        return (self._log.head.position >> INDEX_BITS) + 1

    def _forget_keys(self, now_ms: int) -> None:
        while self._keys:
            oldest = next(iter(self._keys))
            if self._keys[oldest].until_ms > now_ms:
                return
            del self._keys[oldest]
