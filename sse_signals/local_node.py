"""A log that is reached from this process: published to and listened to here, and served by `SignalsService`."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import After, Live
from sse_signals.interfaces import never_waits
from sse_signals.model import EventId
from sse_signals.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker, SharedState
    from sse_signals.model import HistoryLimits, IdempotencyKey, Receipt, Signal
    from sse_signals.subscriptions import Gaps, SignalEvent, SignalStream
    from sse_signals.topics import Filters


class LocalNode:
    """A node on a log, which follows it while anybody listens or serves it.

    Attributes:
        service: The node at work.
        state: What all nodes of the log know besides.
        clock: Returns milliseconds since 1970-01-01 UTC.
    """

    def __init__(
        self, broker: Broker, *, history: HistoryLimits, logger: Any, clock: Callable[[], int], state: SharedState
    ) -> None:
        self._broker = broker
        self._users = 0
        self._stopping: set[asyncio.Task[None]] = set()
        self._starting: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self.state = state
        self.service = Service(broker, limits=history, logger=logger, clock=clock)
        self.clock = clock

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`."""
        receipt = await self.service.publish(signals, key=key)
        if never_waits(self._broker.publish):
            await asyncio.sleep(0)  # or a program that does nothing but publish would never let anybody read
        return receipt

    @asynccontextmanager
    async def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> AsyncIterator[SignalStream[SignalEvent | SignalsGap]]:
        """Listen in this process; see `sse_signals.SignalsClient.subscribe`."""
        await self.start()
        try:
            start = Live() if last_event_id is None else After(EventId.parse(last_event_id))
            found = await self.service.look_up(start, filters, identity)
            subscription = Subscription(self.service.node, filters, identity, on_gap, gaps=gaps)
            subscription.open(start, found, last_event_id)
            try:
                yield subscription
            finally:
                subscription.close()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Follow the log, from the first user's start to the last one's stop."""
        async with self._turn():
            if not self._users:
                try:
                    await self.service.start()
                except asyncio.CancelledError:
                    await self.service.stop()
                    raise
            self._users += 1

    async def stop(self) -> None:
        """Undo one start; also when it is cancelled meanwhile, or the log would be followed for ever."""
        stopping = asyncio.create_task(self._stop())
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)
        await asyncio.shield(stopping)

    async def _stop(self) -> None:
        async with self._turn():
            self._users -= 1
            if not self._users:
                await self.service.stop()

    def _turn(self) -> asyncio.Lock:
        """Return what lets users start and stop one after another; a lock serves one loop, a log may outlive it."""
        loop = asyncio.get_running_loop()
        if self._starting is None or self._starting[0] is not loop:
            self._starting = (loop, asyncio.Lock())
        return self._starting[1]

    async def close(self) -> None:
        """Let go of the log's connections and files, when nobody uses it any more."""
        await self._broker.close()
