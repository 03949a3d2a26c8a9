"""How a process is connected to a log on NATS: anew after each loss, and never before the log was compared."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sse_signals.brokers.nats_found import NOTES, look, newer, noted, stored
from sse_signals.brokers.nats_link import Link
from sse_signals.brokers.nats_memory import Memory, reckon
from sse_signals.brokers.nats_stream import found_or_made, log_stream, state_stream
from sse_signals.brokers.nats_url import read
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import INDEX_BITS

if TYPE_CHECKING:
    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.nats_found import Found
    from sse_signals.brokers.nats_reader import Record, StreamReader
    from sse_signals.lineage import Lineage
    from sse_signals.model import HistoryLimits


@dataclass(eq=False, slots=True)
class Session:
    """A connection through which the log was found to be what it was.

    Attributes:
        link: The connection.
        root: The epoch that the log began with.
        lineage: The log's at the moment.
        note: The number of the newest note about it; 0 if there is none.
        alone: Whether one server has the stream: then it looks for a newer note before it appends a record. Several
            servers lose nothing, and would let only one record at a time wait for that.
    """

    link: Link
    root: str
    lineage: Lineage
    note: int
    alone: bool


class Sessions:
    """The present session, and the next when that is lost.

    Attributes:
        name: Of the log's stream.
        state_name: Of the shared state's.
        memory: What this process knows of the log.
    """

    def __init__(self, url: str, limits: HistoryLimits, options: BrokerOptions, logger: Any) -> None:
        """Prepare the first; see `sse_signals.brokers.nats.NatsBroker`."""
        self._place = read(url)
        self._wanted = log_stream(limits, options)
        self._state = state_stream(options)
        self.state_name: str = self._state["name"]
        self._timeout = options.timeout
        self._logger = logger
        self._present: Session | None = None
        self._opening: asyncio.Task[Session] | None = None
        self.name = options.name
        self.memory = Memory(limits.count)

    def deadline(self) -> float:
        """Return until when what begins now must be done, by the loop's time."""
        return asyncio.get_running_loop().time() + self._timeout

    async def open(self, deadline: float) -> Session:
        """Return a session; whoever asks while one is being opened waits for the same.

        Raises:
            ConfigurationError: It will not be, without somebody's doing.
            BrokerUnavailable: NATS cannot be reached.
        """
        loop = asyncio.get_running_loop()
        present = self._present
        if present is not None and present.link.up and present.link.loop is loop:
            return present
        if self._opening is None or self._opening.done() or self._opening.get_loop() is not loop:
            self._opening = loop.create_task(self._open(), name="sse_signals connects to NATS")
            self._opening.add_done_callback(_heard)
        opening = self._opening
        await asyncio.wait([opening], timeout=max(deadline - loop.time(), 0))
        if not opening.done() or opening.cancelled():
            raise BrokerUnavailable("NATS does not answer in time")
        return opening.result()

    async def get(self, deadline: float) -> Session:
        """Return a session, as `open` does.

        Raises:
            BrokerUnavailable: There is none.
        """
        try:
            return await self.open(deadline)
        except ConfigurationError as error:
            raise BrokerUnavailable(str(error)) from error

    async def look(self, session: Session, deadline: float | None = None) -> Found:
        """Return what the log's stream says of itself, if it is still the same and has not gone back.

        Raises:
            BrokerUnavailable: It is not, or there is no answer.
        """
        known = self.memory.highest
        found = await look(session.link, self.name, deadline=deadline)
        if found.epoch != session.root or found.last < known:
            session.link.drop()  # so that it is compared
            raise BrokerUnavailable("the log is not what it was")
        return found

    def saw(self, session: Session, records: list[Record]) -> None:
        """Remember records that were read; among them may be a note that the log has another epoch.

        Raises:
            BrokerUnavailable: The session was lost meanwhile, so that these records may be as well.
        """
        if not session.link.up:
            raise BrokerUnavailable("the connection to NATS was lost")
        notes = f"{self.name}.{NOTES}"
        for record in records:
            self.memory.saw(record.number, record.time_ns)
            if record.subject == notes:
                self._noted(session, record.number, record.data)

    async def catch_up(self, session: Session, deadline: float) -> None:
        """Learn of a note that somebody else has written.

        Raises:
            BrokerUnavailable: There is no answer.
        """
        note = await stored(session.link, self.name, {"last_by_subj": f"{self.name}.{NOTES}"}, deadline)
        session.note = note.record if note is not None else 0
        if note is not None:
            self._noted(session, note.record, note.data)

    def _noted(self, session: Session, record: int, data: bytes) -> None:
        session.note = max(session.note, record)
        lineage = newer(session.lineage, noted(data, session.root, record)[0])
        if lineage is not session.lineage:
            self.memory.forget_above((lineage.shared(session.lineage.epoch) or 0) >> INDEX_BITS)
            self.memory.lineage = session.lineage = lineage

    async def read(self, session: Session, reader: StreamReader) -> list[Record]:
        """Return the next records of a reader, remembered.

        Raises:
            BrokerUnavailable: See `StreamReader.read`.
        """
        records = await reader.read()
        self.saw(session, records)
        return records

    async def close(self) -> None:
        """End the session."""
        opening, self._opening = self._opening, None
        loop = asyncio.get_running_loop()
        if opening is not None and opening.get_loop() is loop and not opening.done():
            opening.cancel()
            await asyncio.wait([opening])
        present, self._present = self._present, None  # only now: the client does not always let itself be cancelled
        if present is not None and present.link.loop is loop:
            await present.link.close()

    async def _open(self) -> Session:
        link = Link(self._place, self._timeout)
        try:
            async with asyncio.timeout(self._timeout):
                await link.connect()
                found = await found_or_made(link, self._wanted, self._logger)
                await found_or_made(link, self._state, self._logger)
                lineage, note = await reckon(link, found, self.memory, self._logger)
        except TimeoutError:
            link.drop()
            raise BrokerUnavailable("NATS does not answer in time") from None
        except BaseException:
            link.drop()
            raise
        self._present = Session(link, found.epoch, lineage, note, found.config["num_replicas"] == 1)
        return self._present


def _heard(opening: asyncio.Task[Session]) -> None:
    """Take note of a failure that whoever asked may not have waited for."""
    if not opening.cancelled():
        opening.exception()
