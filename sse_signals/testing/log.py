"""The log of a test's hub: one in memory that writes down what is published, and that can be away or get lost."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from sse_signals.brokers.epochs import new_epoch
from sse_signals.brokers.held import Held
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.history import History
from sse_signals.interfaces import at_once
from sse_signals.lineage import Lineage
from sse_signals.model import EventId, Fork
from sse_signals.testing.ledger import Published
from sse_signals.wire.frames import event

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sse_signals.model import Event, HistoryLimits, IdempotencyKey, Receipt, Signal
    from sse_signals.testing.ledger import Ledger


class Log(MemoryBroker):
    """A log in memory with faults. Everything happens in the event loop of its hub."""

    def __init__(self, limits: HistoryLimits, ledger: Ledger) -> None:
        """Make an empty log.

        Args:
            limits: How much of it is kept.
            ledger: Where it writes down what is published.
        """
        super().__init__(limits)
        self._limits = limits
        self._ledger = ledger
        self._retry_after: float | None = None  # seconds; while it is away
        self._back = asyncio.Event()
        self._back.set()
        self._begin()

    def _begin(self) -> None:
        self._history = History(self._limits, EventId(self._epoch, 0))
        self._log = Held(self._history)

    @property
    def away(self) -> bool:
        """Whether it takes and brings nothing."""
        return self._retry_after is not None

    @property
    def epoch(self) -> str:
        """The epoch of its ids."""
        return self._epoch

    def forget_keys(self) -> None:
        """Know no idempotency key any longer."""
        self._keys.clear()

    async def open(self) -> None:
        """See `sse_signals.interfaces.Broker.open`. It waits while the log is away: who follows is back at once."""
        await self._back.wait()

    @at_once
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`."""
        return await self._published(signals, key, by_test=False)

    async def publish_by_test(self, signal: Signal) -> str:
        """Publish what no `expect` waits for, and return its id.

        Raises:
            BrokerUnavailable: The log is away.
        """
        receipt = await self._published([signal], None, by_test=True)
        return str(receipt.ids[0])

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        self._check()
        return await super().head()

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        self._check()
        return await super().control(data)

    async def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        """See `sse_signals.interfaces.Broker.follow`. That the log was lost is told at once."""
        while True:
            if after.epoch != self._epoch:
                after = EventId(self._epoch, 0)
                yield [Fork.to(Lineage(self._epoch), 0)]
            try:
                async with aclosing(super().follow(after)) as log:
                    async for events in log:  # pragma: no branch - it never ends, it fails
                        yield events
                        after = EventId(events[-1].epoch, events[-1].position)
            except BrokerUnavailable:
                if self.away:
                    raise

    def go_away(self, retry_after: float) -> None:
        """Take nothing and bring nothing any more; who tries is told to come back after ``retry_after`` seconds.

        Raises:
            RuntimeError: It is away.
        """
        if self.away:
            raise RuntimeError("the hub is unavailable already")
        self._retry_after = retry_after
        self._back.clear()
        self._log.close()

    def come_back(self) -> None:
        """Be there again, with all that it held."""
        self._retry_after = None
        self._log = Held(self._history)
        self._back.set()

    def lose(self) -> None:
        """Lose all that it holds, as a log that was restarted from nothing: it has a new epoch."""
        self._epoch = new_epoch()
        self.forget_keys()
        self._history = History(self._limits, EventId(self._epoch, 0))
        self._log.replace(self._history)

    async def _published(self, signals: Sequence[Signal], key: IdempotencyKey | None, *, by_test: bool) -> Receipt:
        self._check()
        receipt = await super().publish(signals, key=key)  # which never waits: nothing can come between
        if not receipt.repeated:
            for event_id, signal in zip(receipt.ids, signals, strict=True):
                placed = event(event_id, self._time_ms, signal)
                self._ledger.add(
                    Published(
                        id=placed.id,
                        time=placed.time,
                        address=signal.address,
                        message=placed.message,
                        targets=signal.targets,
                        event=signal.name or "message",
                        by_test=by_test,
                    )
                )
        return receipt

    def _check(self) -> None:
        if self._retry_after is not None:
            raise BrokerUnavailable("the log is away, as the test wants it", retry_after=self._retry_after)
