"""``sqlite:///path``: the log of one process in a file, which outlives the process, and the machine's fall."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers import records
from sse_signals.brokers.sqlite_file import LogFile
from sse_signals.brokers.sqlite_place import Place
from sse_signals.brokers.sqlite_state import SqliteState
from sse_signals.brokers.sqlite_writer import Writer
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.interfaces import in_time

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.held import Held
    from sse_signals.brokers.sqlite_writer import Work
    from sse_signals.interfaces import SharedState
    from sse_signals.model import Event, EventId, HistoryLimits, IdempotencyKey, Receipt, Signal, Tail

_PATIENCE: Final = 5.0  # seconds to wait for a disk at the end


class SqliteBroker:
    """A log in a file that one process has at a time.

    A publish is answered when its transaction is on the disk (``sqlite_synchronous``: ``full``) or with the operating
    system (``normal``). What is given to those who follow is held in memory, within the same limits as the file.
    """

    def __init__(
        self,
        url: str,
        limits: HistoryLimits,
        options: BrokerOptions,
        *,
        clock: Callable[[], int] = wall_clock_ms,
        logger: Any,
    ) -> None:
        """Name a log; its file is opened by `open` or by the first use.

        Args:
            url: ``sqlite:///relative.db`` or ``sqlite:////absolute/path.db``. At its end ``?max_page_count=1000``
                bounds the file, in pages of 4,096 bytes: when full, publishing fails until records are old enough.
            limits: How much of the log is kept.
            options: What else is chosen.
            clock: Returns milliseconds since 1970-01-01 UTC; the log's times never run backwards even if it does. It is
                called in another thread.
            logger: A structlog logger.

        Raises:
            ConfigurationError: The URL is no good.
        """
        self._file = LogFile(Place.parse(url), limits, options, clock)
        self._clock = clock
        self._timeout = options.timeout
        self._logger = logger
        self._writer: Writer | None = None
        self.state: SharedState = SqliteState(self._ask)

    async def open(self) -> None:
        """See `sse_signals.interfaces.Broker.open`."""
        await self._here().submit(lambda _: None, writes=False).future

    @in_time
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`."""
        data = records.encode(signals)
        writer = self._here()
        if writer.held is not None:
            writer.held.trim(self._clock())  # so that a file that is full has room again once records are old enough
        receipt: Receipt = await self._ask(lambda file: file.publish(signals, data, key), weight=len(signals))
        return receipt

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        return (await self._read()).head

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`. The node trims to its other limits as it loads."""
        return (await self._read()).tail(limits)

    async def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        """See `sse_signals.interfaces.Broker.follow`."""
        async with aclosing((await self._read()).follow(after)) as pieces:
            async for events in pieces:  # pragma: no branch - it never ends, it fails
                yield events

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        place: EventId = await self._ask(lambda file: file.control(data))
        return place

    async def close(self) -> None:
        """See `sse_signals.interfaces.Broker.close`. What was handed in is done first; the next use opens it again."""
        writer = self._writer
        if writer is None:
            return
        self._stop(writer)
        await asyncio.to_thread(writer.thread.join, _PATIENCE)
        if writer.thread.is_alive():
            self._logger.warning("the log's file is still being written", seconds=_PATIENCE)

    def _here(self) -> Writer:
        """Return the writer of this event loop; the log may outlive one loop and serve another."""
        writer = self._writer
        if writer is None or writer.stopped or writer.loop is not asyncio.get_running_loop():
            if writer is not None:
                self._stop(writer)
            writer = self._writer = Writer(self._file, after=writer, logger=self._logger)
        return writer

    def _stop(self, writer: Writer) -> None:
        if not writer.stopped:
            writer.stop()
        if writer.held is not None and writer.loop is asyncio.get_running_loop():
            writer.held.close()

    async def _read(self) -> Held:
        """Return what is held of the log, once it was read."""
        writer = self._here()
        if writer.held is None:
            try:
                await self.open()
            except ConfigurationError as error:
                raise BrokerUnavailable(str(error)) from None
        if writer.held is None or writer.stopped:
            raise BrokerUnavailable("the log was closed")
        return writer.held

    async def _ask(self, work: Work, *, weight: int = 1, writes: bool = True) -> Any:
        """Have something done with the file, and return its outcome; not later than the timeout."""
        job = self._here().submit(work, weight=weight, writes=writes)
        try:
            async with asyncio.timeout(self._timeout):
                return await job.future
        except TimeoutError:
            begun = job.take() is None
            raise BrokerUnavailable("the disk does not answer", outcome_unknown=begun and writes) from None
        except ConfigurationError as error:
            raise BrokerUnavailable(str(error)) from None
