"""One node at work: follows the log, publishes to it, and finds starting places."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sse_signals.clock import wall_clock_ms
from sse_signals.cursor.node import Node
from sse_signals.cursor.scan import scan_back
from sse_signals.cursor.start import NOTHING, After, Found, Newest, Start, ahead, foreign
from sse_signals.errors import BrokerUnavailable
from sse_signals.follower import Follower
from sse_signals.interfaces import answers_in_time, never_waits
from sse_signals.model import INDEX_BITS, EventId
from sse_signals.publishes import HASTY, Publishes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker
    from sse_signals.model import HistoryLimits, IdempotencyKey, Receipt, Signal
    from sse_signals.topics import Filters

T = TypeVar("T")
_CLOSED: Final = "the log was closed meanwhile"
HEAD_TIMEOUT: Final = 2.0  # seconds to wait for the log's own head before an id counts as unknown
PATIENCE: Final = 1.9  # seconds that the log gets to take a record: who publishes hears something within two


class Service:
    """A node on a log.

    Attributes:
        follower: Brings it what the log holds.
        on_control: Called with the text of each control record that the log brings.
        limits: How much history it holds.
        publishes: What became of what was published here.
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
        self.limits = limits
        self.publishes = Publishes()
        self._logger = logger
        self._clock = clock
        self._node: Node | None = None
        self._scanning = asyncio.Lock()
        self._working: set[asyncio.Task[Any]] = set()
        self._asking: asyncio.Future[EventId | None] | None = None
        self.follower = Follower(broker, limits=limits, logger=logger, clock=clock)
        self.on_control = self.follower.on_control

    @property
    def started(self) -> bool:
        """Whether the log's tail has been read, so that streams can be opened."""
        return self.follower.started

    @property
    def ready(self) -> bool:
        """Whether it follows the log at the moment."""
        return self.follower.ready

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
        """Begin to follow the log; returns after the first attempt to read its tail, well or badly, or after 5 s.

        Raises:
            ConfigurationError: The log cannot be used as it is.
        """
        self._node = Node(asyncio.get_running_loop(), self.limits, self._clock)
        self._scanning = asyncio.Lock()  # of this loop
        await self.follower.start(self._node)

    async def stop(self) -> None:
        """Follow no longer, once what is being published is in the log; end what subscriptions are left.

        A log that does not answer is not waited for any longer than whoever publishes is.
        """
        if self._node is not None:
            for stream in list(self._node.hub.streams):
                stream.end("shutdown")
        await self.follower.stop()
        if self._working:
            _, unanswered = await asyncio.wait(self._working, timeout=PATIENCE)
            for task in unanswered:
                task.cancel()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append one record to the log; see `sse_signals.interfaces.Broker.publish`.

        A caller that is cancelled, as a handler is when its client leaves, does not stop what it has begun. Whatever
        the log does, it answers within two seconds. If the log never waits, neither does this: who publishes in a loop
        has to let others have their turn.
        """
        begun = monotonic()
        # Without a wait there is nothing to interrupt, and a task costs more than the append.
        publish = self._broker.publish if never_waits(self._broker.publish) else self._publish_patiently
        try:
            receipt = await publish(signals, key=key)
        except BaseException as error:
            left = isinstance(error, asyncio.CancelledError) and monotonic() - begun < HASTY
            self.publishes.failed(error, abandoned=left)
            raise
        self.publishes.committed(len(signals), monotonic() - begun, repeated=receipt.repeated)
        return receipt

    async def _publish_patiently(self, signals: Sequence[Signal], *, key: IdempotencyKey | None) -> Receipt:
        """Append to a log that may take its time, or never answer."""
        if answers_in_time(self._broker.publish):
            try:
                return await self._broker.publish(signals, key=key)
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                raise BrokerUnavailable(_CLOSED, outcome_unknown=True) from None
        return await self._finished(self._broker.publish(signals, key=key))

    async def control(self, data: bytes) -> None:
        """Tell all nodes something; see `sse_signals.interfaces.Broker.control`."""
        await self._finished(self._broker.control(data))

    async def _finished(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that goes on whatever becomes of who waits for it, but not for longer than `PATIENCE`."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)
        await asyncio.wait([task], timeout=PATIENCE)
        if not task.done():
            raise BrokerUnavailable(f"the log has not answered for {PATIENCE:g} s", outcome_unknown=True)
        if task.cancelled():  # not its caller, who would take it for that
            raise BrokerUnavailable(_CLOSED, outcome_unknown=True)
        return task.result()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._working.discard(task)
        with suppress(asyncio.CancelledError):
            task.exception()  # its caller is told, if there still is one; nobody else needs to be

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
        if poll or foreign(self.node.history, start):
            await self.catch_up()
        match start:
            case Newest(count):
                return Found(newest_from=await self._look_back(filters, identity, count))
            case After(EventId() as event_id) if ahead(self.node.history, start):
                return await self._look_ahead(event_id)
            case _:
                return NOTHING

    async def catch_up(self) -> None:
        """Wait until this node has taken what the log holds now; not for long, since the log may be out of reach."""
        head = await self._shared_head()
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAD_TIMEOUT):
                while head is not None and not self._reached(head):
                    await self.follower.taken()

    async def records_behind(self, patience: float) -> int | None:
        """Return how many records the log holds that have not come here yet; None if it does not say so in time.

        Args:
            patience: Seconds that it gets to answer.
        """
        if not self.ready:  # then it cannot be reached, and nobody needs to wait to be told so
            return None
        try:
            async with asyncio.timeout(patience):
                head = await self._shared_head()
        except TimeoutError:
            return None
        here = self.node.head
        if head is None or head.epoch != here.epoch:
            return None
        return max(0, (head.position >> INDEX_BITS) - (here.position >> INDEX_BITS))

    def _reached(self, head: EventId) -> bool:
        here = self.node.history
        if here.epoch == head.epoch:
            return here.head >= head.position
        return here.lineage.shared(head.epoch) is not None  # log and node have gone on to another epoch meanwhile

    async def _look_back(self, filters: Filters, identity: Identity, wanted: int) -> EventId:
        """Return the id before the last ``wanted`` events for an identity; who ask at once take turns, by blocks."""
        history = self.node.history
        epoch, sequence = history.epoch, history.end
        while wanted and sequence > history.start:
            async with self._scanning:
                sequence, wanted = scan_back(history, filters, identity, sequence, wanted)
                await asyncio.sleep(0)
        return EventId(epoch, history.position_before(sequence))

    async def _look_ahead(self, wanted: EventId) -> Found:
        """Ask the log whether it knows an id; an answer to a question that was asked before may be too old for it."""
        head = await self._shared_head()
        if head is not None and head.position < wanted.position:
            head = await self._shared_head()
        if head is not None and head.epoch != self.node.history.epoch:  # then this node is about to hear of it
            await self.catch_up()
        return Found(log_head=head)

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


def _is_cancelled() -> bool:
    """Say whether it is who runs this that was cancelled, and not what it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
