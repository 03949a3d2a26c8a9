"""`EventBroker`: the log that plugins publish to and listen to, whichever it is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.choice import open_log
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.clock import wall_clock_ms
from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import After, Live
from sse_signals.errors import InvalidInput
from sse_signals.logs import adapt
from sse_signals.model import MAX_BATCH, EventId, HistoryLimits
from sse_signals.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker, SharedState
    from sse_signals.model import Event, IdempotencyKey, Receipt, Signal
    from sse_signals.topics import Filters


class EventBroker:
    """The log that plugins publish to and listen to, and that `SignalsService` serves over HTTP."""

    def __init__(
        self,
        broker: Broker,
        *,
        history: HistoryLimits,
        logger: Any,
        clock: Callable[[], int],
        state: SharedState | None = None,
    ) -> None:
        """Make it of its parts; see `from_url`."""
        self._broker = broker
        self.state = MemoryState(clock=clock) if state is None else state
        self._users = 0
        self._stopping: set[asyncio.Task[None]] = set()
        self._starting: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self.service = Service(broker, limits=history, logger=logger, clock=clock)
        self.clock = clock

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        history: HistoryLimits | None = None,
        options: BrokerOptions | None = None,
        logger: Any = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> EventBroker:
        """Return the event broker at a URL.

        Args:
            url: ``memory://`` is a log in this process, new at each call; ``sqlite:///path`` one in a file;
                ``redis://host:6379/0`` and ``nats://host:4222`` are logs that several processes share.
            history: How much of the log to keep for those who resume.
            options: What else can be chosen about the log.
            logger: A structlog or standard logger.
            clock: Returns milliseconds since 1970-01-01 UTC.

        Raises:
            ConfigurationError: There is no such broker, or what it needs is not installed.
        """
        limits = history or HistoryLimits()
        log = open_log(url, limits, options or BrokerOptions(), clock=clock, logger=adapt(logger))
        return cls(log.broker, history=limits, logger=adapt(logger), clock=clock, state=log.state)

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append one record to the log; see `sse_signals.interfaces.Broker.publish`.

        Raises:
            InvalidInput: There are no signals, or more than 1,000.
        """
        if not 1 <= len(signals) <= MAX_BATCH:
            raise InvalidInput(
                f"There are {len(signals)} signals.", field="signals", hint=f"Give from 1 to {MAX_BATCH}."
            )
        return await self.service.publish(signals, key=key)

    @asynccontextmanager
    async def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Listen in this process; see `sse_signals.SignalsClient.subscribe`."""
        await self.start()
        try:
            start = Live() if last_event_id is None else After(EventId.parse(last_event_id))
            found = await self.service.look_up(start, filters, identity)
            subscription = Subscription(self.service.node, filters, identity, on_gap)
            subscription.open(start, found)
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
