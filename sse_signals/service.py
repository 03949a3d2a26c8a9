"""One node at work: follows the log, publishes to it, and finds starting places."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sse_signals.clock import wall_clock_ms
from sse_signals.cursor.node import Node
from sse_signals.cursor.scan import scan_back
from sse_signals.cursor.start import NOTHING, After, Found, Newest, Start, ahead
from sse_signals.errors import BrokerUnavailable
from sse_signals.interfaces import never_waits
from sse_signals.model import ControlRecord, EventId
from sse_signals.retry import backoff

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, HistoryLimits, IdempotencyKey, Receipt, Signal
    from sse_signals.topics import Filters

START_PATIENCE: Final = 5.0  # seconds that a start waits for the log, before it goes on without being ready
SLICE: Final = 0.002  # seconds of taking events after which the loop goes round
HEAD_TIMEOUT: Final = 2.0  # seconds to wait for the log's own head before an id counts as unknown


class Service:
    """A node on a log.

    Attributes:
        started: Whether the log's tail has been read, so that streams can be opened.
        ready: Whether it follows the log at the moment.
        failures: How often following the log failed.
        on_control: Called with the text of each control record that the log brings.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        limits: HistoryLimits,
        logger: Any,  # any structlog or standard logger
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """Make a service that is not started.

        Args:
            broker: The log.
            limits: How much history to hold.
            logger: Where failures are told.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._broker = broker
        self._limits = limits
        self._logger = logger
        self._clock = clock
        self._node: Node | None = None
        self._follower: asyncio.Task[None] | None = None
        self._scanning = asyncio.Lock()
        self._taken = asyncio.Event()
        self._publishing: set[asyncio.Task[Receipt]] = set()
        self._asking: asyncio.Future[EventId | None] | None = None
        self.started = False
        self.ready = False
        self.failures = 0
        self.on_control: list[Callable[[bytes], object]] = []

    @property
    def node(self) -> Node:
        """The node; streams can be opened on it once the service has `started`.

        Raises:
            BrokerUnavailable: The service was never started.
        """
        if self._node is None:
            raise BrokerUnavailable("the service is not started")
        return self._node

    async def start(self) -> None:
        """Begin to follow the log; returns after the first attempt to read its tail, well or badly, or after 5 s."""
        self._node = Node(asyncio.get_running_loop(), self._limits, self._clock)
        self._scanning, self._taken = asyncio.Lock(), asyncio.Event()  # of this loop
        attempted = asyncio.Event()
        self._follower = asyncio.create_task(self._follow_for_ever(attempted), name="sse_signals follows the log")
        with suppress(TimeoutError):
            async with asyncio.timeout(START_PATIENCE):
                await attempted.wait()

    async def stop(self) -> None:
        """Follow no longer, once what is being published is in the log; end what subscriptions are left."""
        self.ready = self.started = False
        follower, self._follower = self._follower, None
        if self._node is not None:
            for stream in list(self._node.hub.streams):
                stream.end("shutdown")
        if follower is not None:
            follower.cancel()
            await asyncio.wait([follower, *self._publishing])

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append one record to the log; see `sse_signals.interfaces.Broker.publish`.

        A caller that is cancelled, as a handler is when its client leaves, does not stop what it has begun.
        """
        # Without a wait there is nothing to interrupt, and a task costs more than the append.
        if never_waits(self._broker.publish):
            receipt = await self._broker.publish(signals, key=key)
            await asyncio.sleep(0)  # or a program that does nothing but publish would never let anybody read
            return receipt
        publishing = asyncio.create_task(self._broker.publish(signals, key=key))
        self._publishing.add(publishing)
        publishing.add_done_callback(self._published)
        return await asyncio.shield(publishing)

    async def control(self, data: bytes) -> None:
        """Tell all nodes something; see `sse_signals.interfaces.Broker.control`."""
        await asyncio.shield(asyncio.ensure_future(self._broker.control(data)))

    def _tell(self, record: ControlRecord) -> None:
        for listener in self.on_control:
            try:
                listener(record.control)
            except Exception as error:  # one record that cannot be obeyed must not end the following
                self._logger.exception("a control record cannot be obeyed", id=record.id, error=repr(error))

    def _published(self, publishing: asyncio.Task[Receipt]) -> None:
        self._publishing.discard(publishing)
        with suppress(asyncio.CancelledError):
            publishing.exception()  # its caller is told, if there still is one; nobody else needs to be

    async def look_up(self, start: Start, filters: Filters, identity: Identity, *, poll: bool = False) -> Found:
        """Find out what opening a stream needs to know and what takes time.

        Args:
            start: What was asked for.
            filters: Which topics.
            identity: Who asks.
            poll: Whether the stream will end at the head, so that all that is in the log by now must be here first.

        Raises:
            BrokerUnavailable: The log's tail has not been read yet.
        """
        if not self.started:
            raise BrokerUnavailable("the log has not been read yet")
        if poll:
            await self._catch_up()
        match start:
            case Newest(count):
                return Found(newest_from=await self._look_back(filters, identity, count))
            case After(EventId() as event_id) if ahead(self.node.history, start):
                return Found(log_head=await self._log_head(event_id))
            case _:
                return NOTHING

    async def _catch_up(self) -> None:
        """Wait until this node has taken what the log holds now; not for long, since the log may be out of reach."""
        head = await self._shared_head()
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_TIMEOUT):
                while (
                    head is not None and head.epoch == self.node.head.epoch and head.position > self.node.head.position
                ):
                    await self._taken.wait()

    async def _look_back(self, filters: Filters, identity: Identity, wanted: int) -> EventId:
        """Return the id before the last ``wanted`` events for an identity; who ask at once take turns, by blocks."""
        history = self.node.history
        epoch, sequence = history.epoch, history.end
        while wanted and sequence > history.start:
            async with self._scanning:
                sequence, wanted = scan_back(history, filters, identity, sequence, wanted)
                await asyncio.sleep(0)
        return EventId(epoch, history.position_before(sequence))

    async def _log_head(self, wanted: EventId) -> EventId | None:
        """Ask the log for its head; an answer to a question that was asked before may be too old for this id."""
        head = await self._shared_head()
        if head is not None and head.position < wanted.position:
            head = await self._shared_head()
        return head

    async def _shared_head(self) -> EventId | None:
        """Ask the log for its head; everybody who asks meanwhile gets the same answer, None when there is none."""
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._ask_head())
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    def _asked(self, _answer: object) -> None:
        self._asking = None

    async def _ask_head(self) -> EventId | None:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                return await self._broker.head()
        except (BrokerUnavailable, TimeoutError) as error:
            self._logger.warning("the log's head is unknown", error=str(error) or type(error).__name__)
            return None

    async def _follow_for_ever(self, attempted: asyncio.Event) -> None:
        attempt = 0
        while True:
            try:
                async for _ in self._follow():  # pragma: no branch - it never ends, it fails
                    self.ready = True
                    attempt = 0
                    attempted.set()
            except Exception as error:  # noqa: BLE001 - whatever a broker raises, following must go on
                self.ready = False
                self.failures += 1
                attempt += 1
                self._logger.warning("following the log failed", error=repr(error), attempt=attempt)
            attempted.set()
            await asyncio.sleep(backoff(attempt, random.random()))  # noqa: S311 - not a secret

    async def _take(self, events: Sequence[Event]) -> None:
        """Take events one by one, and let the loop go round: one batch may concern thousands of groups."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SLICE
        for event in events:
            self.node.take((event,))
            if type(event) is ControlRecord:
                self._tell(event)
            self._taken.set()  # wakes those who wait now, and leaves the next to wait for the next event
            self._taken.clear()
            if loop.time() >= deadline:
                await asyncio.sleep(0)
                deadline = loop.time() + SLICE

    async def _follow(self) -> AsyncIterator[None]:
        """Read the tail once, then take what comes; yields whenever the log is known to be reachable."""
        if self.started:
            await self._broker.head()
        else:
            self.node.load(await self._broker.tail(self._limits))
            self.started = True
        yield
        async for events in self._broker.follow(self.node.head):
            await self._take(events)
            self.node.history.trim(self._clock())  # without streams there is no sweep that does it
            yield
        raise BrokerUnavailable("the log ended")
