"""Following the log: everything it brings goes to one node, for ever, whatever becomes of the log meanwhile."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import ControlRecord, Fork
from sse_signals.retry import backoff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from sse_signals.cursor.node import Node
    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, HistoryLimits

START_PATIENCE: Final = 5.0  # seconds that a start waits for the log, before it goes on without being ready
SLICE: Final = 0.002  # seconds of taking events after which the loop goes round
LONGEST_WAIT: Final = 1.0  # seconds between two looks whether the log is back


class Follower:
    """Follows the log on behalf of a node.

    Attributes:
        started: Whether the log's tail has been read, so that streams can be opened.
        ready: Whether it follows the log at the moment.
        failures: How often following the log failed.
        reconnects: How often it was followed again after that.
        signals: How many signals the log has brought, without those that it held before.
        on_control: Called with the text of each control record that the log brings.
    """

    def __init__(self, broker: Broker, *, limits: HistoryLimits, logger: Any, clock: Callable[[], int]) -> None:
        """Make one that does not follow yet.

        Args:
            broker: The log.
            limits: How much of its tail is read at the start.
            logger: A structlog or standard logger, where failures are told.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._broker = broker
        self._limits = limits
        self._logger = logger
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._taken = asyncio.Event()
        self.started = False
        self.ready = False
        self.failures = 0
        self.reconnects = 0
        self.signals = 0
        self.on_control: list[Callable[[bytes], object]] = []

    async def start(self, node: Node) -> None:
        """Begin to follow; returns after the first attempt to read the log's tail, well or badly, or after 5 s.

        Raises:
            ConfigurationError: The log cannot be used as it is.
        """
        self._taken = asyncio.Event()  # of this loop
        attempted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._follow_for_ever(node, attempted), name="sse_signals follows the log")
        await asyncio.wait([attempted], timeout=START_PATIENCE)
        if not attempted.done():
            attempted.set_result(None)  # a failure that comes later is told and tried again, whatever it is
        attempted.result()

    async def stop(self) -> None:
        """Follow no longer."""
        self.ready = self.started = False
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def taken(self) -> None:
        """Wait for the next event that the log brings."""
        await self._taken.wait()

    async def _follow_for_ever(self, node: Node, attempted: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        attempt, brief = 0, False
        while True:
            since, came = loop.time(), False
            try:
                async for _ in self._follow(node):  # pragma: no branch - it never ends, it fails
                    self.ready = True
                    if attempt and (came or not brief):  # a log that can be reached and not be followed is not back
                        self._logger.info("the log is followed again", attempts=attempt)
                        attempt = 0
                        self.reconnects += 1
                    came = True
                    if not attempted.done():
                        attempted.set_result(None)
            except Exception as error:  # noqa: BLE001 - whatever a broker raises, following must go on
                self.ready = False
                if isinstance(error, ConfigurationError) and not attempted.done():
                    attempted.set_exception(error)
                    return
                lasted = loop.time() - since >= LONGEST_WAIT
                brief = came and not lasted
                attempt = 1 if came and lasted else attempt + 1
                self._failed(error, attempt)
            if not attempted.done():
                attempted.set_result(None)
            await asyncio.sleep(backoff(attempt, random.random(), longest=LONGEST_WAIT))  # noqa: S311 - not a secret

    def _failed(self, error: Exception, attempt: int) -> None:
        self.failures += 1
        if attempt & (attempt - 1) == 0:  # ever more seldom: it may be away for the night
            self._logger.warning("following the log failed", error=_words(error), attempt=attempt)

    async def _follow(self, node: Node) -> AsyncIterator[None]:
        """Read the tail once, then take what comes; yields whenever the log is known to be reachable."""
        await self._broker.open()
        if self.started:
            await self._broker.head()
        else:
            node.load(await self._broker.tail(self._limits))
            self.started = True
        yield
        log = cast("AsyncGenerator[Sequence[Event]]", self._broker.follow(node.head))
        async with aclosing(log):  # at once, whatever interrupts it: it may hold a connection
            async for events in log:
                await self._take(node, events)
                node.history.trim(self._clock())  # without streams there is no sweep that does it
                yield
        raise BrokerUnavailable("the log ended")

    async def _take(self, node: Node, events: Sequence[Event]) -> None:
        """Take events one by one, and let the loop go round: one batch may concern thousands of groups."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SLICE
        for event in events:
            if type(event) is Fork:
                self._logger.warning("the log has another epoch", epoch=event.epoch, after=str(node.head))
                node.fork(event)
            else:
                node.take((event,))
                if type(event) is ControlRecord:
                    self._tell(event)
                else:
                    self.signals += 1
            self._taken.set()  # wakes those who wait now, and leaves the next to wait for the next event
            self._taken.clear()
            if loop.time() >= deadline:
                await asyncio.sleep(0)
                deadline = loop.time() + SLICE

    def _tell(self, record: ControlRecord) -> None:
        for listener in self.on_control:
            try:
                listener(record.control)
            except Exception as error:  # one record that cannot be obeyed must not end the following
                self._logger.exception("a control record cannot be obeyed", id=record.id, error=repr(error))


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, BrokerUnavailable | ConfigurationError) else repr(error)
