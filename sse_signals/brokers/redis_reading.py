"""Reading a log on Redis: its newest part backwards, and what comes after a place for as long as it comes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from sse_signals.brokers.records import decode, record_of
from sse_signals.brokers.redis_lua import call
from sse_signals.brokers.redis_scripts import HEAD
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import INDEX_MASK, EventId, Fork, Tail, position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sse_signals.brokers.redis_known import KnownRecords
    from sse_signals.brokers.redis_lua import Keys
    from sse_signals.brokers.redis_session import Command, Session
    from sse_signals.lineage import Lineage
    from sse_signals.model import Event, HistoryLimits

_PIECE: Final = 1000  # events that are given at a time, if no record has more
_LARGE: Final = 2 * 1024 * 1024  # bytes of records to ask for at a time, roughly
_BLOCK: Final = 1.0  # seconds that the server waits for something to come
_SLICE: Final = 0.01  # seconds of decoding after which the loop goes round

_REMEMBERED: Final = 10_000  # of the records of a tail: enough to see how far back a log has gone

Entries = list[tuple[int, int, bytes]]  # number, time and bytes of records


class Pace:
    """How many records to ask for, so that they are about as much as can be taken at once."""

    def __init__(self) -> None:
        self.count = 64

    def took(self, records: int, events: int, size: int) -> None:
        """Learn from what came."""
        share = max(events / _PIECE, size / _LARGE, 1 / _PIECE)
        self.count = max(1, min(2 * self.count, _PIECE, int(records / share) or 1))


class Reading:
    """A reader of a log on connections of its own, since what it asks for may take long.

    Args:
        begin: Makes a session.
        greet: Finds out anew which log a session has.
        keys: Of the log.
        known: What this process remembers of the log.
        timeout: Seconds after which a server that does not answer counts as away.
    """

    def __init__(
        self,
        begin: Callable[[], Awaitable[Session]],
        greet: Callable[[Session], Awaitable[None]],
        keys: Keys,
        known: KnownRecords,
        timeout: float,
    ) -> None:
        self._begin = begin
        self._greet = greet
        self._keys = keys
        self._known = known
        self._timeout = timeout

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`; the node trims to its other limits as it loads."""
        async with self.session() as session:
            lineage = session.lineage
            head = call(HEAD, (self._keys.log, self._keys.meta), lineage.epoch, 0)
            ((newest, last, _),) = await self._ask(session, [head])
            pieces: list[Sequence[Event]] = []
            seen: list[tuple[int, int]] = []
            count = size = 0
            floor = position(newest, last)
            pace = Pace()
            before = f"({newest + 1}-0"
            while count <= limits.count and size < limits.size:
                (found,) = await self._ask(session, [("XREVRANGE", self._keys.log, before, "-", "COUNT", pace.count)])
                entries = _entries(found)
                if not entries:
                    break
                decoded = await _decoded(lineage, entries)
                pieces += decoded
                seen += [(record, time_ms) for record, time_ms, _ in entries[: _REMEMBERED - len(seen)]]
                taken = (len(entries), sum(map(len, decoded)), sum(len(data) for _, _, data in entries))
                pace.took(*taken)
                count += taken[1]
                size += taken[2]
                floor = _before(entries[-1][0])
                before = f"({entries[-1][0]}-0"
        for record, time_ms in reversed(seen):
            self._known.saw(lineage.epoch, record, time_ms)
        await asyncio.sleep(0)
        events = [event for piece in reversed(pieces) for event in piece]
        if len(events) > limits.count:
            floor = events[-limits.count - 1].position
            del events[: -limits.count]
        return Tail(EventId(lineage.epoch, floor), events, lineage if lineage.forks else None)

    async def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        """See `sse_signals.interfaces.Broker.follow`."""
        async with self.session() as session:
            lineage = session.lineage
            at = after.position
            if after.epoch != lineage.epoch:
                shared = lineage.shared(after.epoch)
                at = min(at, shared or 0)
                if shared is not None:
                    yield [Fork.to(lineage, at)]
            pace = Pace()
            begin = f"{record_of(at)}-0"
            while True:
                entries, epoch = await self._next(session, begin, pace)
                if epoch != lineage.epoch:
                    # What has come may be of the new epoch, or lost: it is read again.
                    at, lineage = await self._moved(session, lineage, at)
                    begin = f"{record_of(at)}-0"
                    yield [Fork.to(lineage, at)]
                    continue
                if not entries:
                    continue
                begin = f"{entries[-1][0]}-{entries[-1][1]}"
                for piece in await self._pieces(lineage, entries, pace):
                    later = [event for event in piece if event.position > at]
                    if later:
                        at = later[-1].position
                        yield later

    async def _next(self, session: Session, begin: str, pace: Pace) -> tuple[Entries, str | None]:
        """Return what comes after an entry, and the epoch there was after it had come."""
        block = ("XREAD", "BLOCK", round(_BLOCK * 1000), "COUNT", pace.count, "STREAMS", self._keys.log, begin)
        found, epoch = await self._ask(session, [block, ("HGET", self._keys.meta, "epoch")], _BLOCK)
        if found is None:
            # A server that has become a replica may say nothing for ever.
            async with self.patience():
                (role,) = await session.ask([("ROLE",)])
            if not isinstance(role, RedisError) and role[0] != b"master":
                raise BrokerUnavailable("Redis has become a replica")
        return _entries(found[0][1] if found else []), epoch and epoch.decode()

    async def _moved(self, session: Session, was: Lineage, at: int) -> tuple[int, Lineage]:
        """Find the place where the log goes on that has another epoch; if it is another log, that is its beginning."""
        async with self.patience():
            await self._greet(session)
        lineage = session.lineage
        shared = lineage.shared(was.epoch)
        if shared is None:
            head = call(HEAD, (self._keys.log, self._keys.meta), lineage.epoch, 0)
            ((_, _, first),) = await self._ask(session, [head])
            return _before(first), lineage
        return min(at, shared), lineage

    async def _pieces(self, lineage: Lineage, entries: Entries, pace: Pace) -> list[list[Event]]:
        records = await _decoded(lineage, entries)
        pace.took(len(entries), sum(map(len, records)), sum(len(data) for _, _, data in entries))
        pieces: list[list[Event]] = []
        for (record, time_ms, _), events in zip(entries, records, strict=True):
            self._known.saw(lineage.epoch, record, time_ms)
            if not pieces or len(pieces[-1]) + len(events) > _PIECE:
                pieces.append([])
            pieces[-1] += events
        return pieces

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Lend a session of its own.

        Raises:
            BrokerUnavailable: The log cannot be reached.
        """
        async with self.patience():
            session = await self._begin()
        try:
            yield session
        finally:
            await session.end()

    @asynccontextmanager
    async def patience(self, more: float = 0.0) -> AsyncIterator[None]:
        """Give the server the time that it may take, and so many seconds more.

        Raises:
            BrokerUnavailable: It took longer, or the connection is lost.
        """
        try:
            async with asyncio.timeout(self._timeout + more):
                yield
        except TimeoutError as error:
            raise BrokerUnavailable("Redis does not answer") from error
        except (RedisError, OSError) as error:
            raise BrokerUnavailable(f"the connection to Redis is lost: {error}") from error

    async def _ask(self, session: Session, commands: Sequence[Command], wait: float = 0.0) -> list[Any]:
        async with self.patience(wait):
            replies = await session.ask(commands)
            for reply in replies:
                if isinstance(reply, RedisError):
                    raise reply
            return replies


def _before(record: int) -> int:
    """Return the place after which a record comes; how many signals the one before had is not known."""
    return position(record - 1, INDEX_MASK) if record > 1 else 0


def _entries(found: Any) -> Entries:
    entries = []
    for place, (_, data) in found:
        record, _, time_ms = place.partition(b"-")
        entries.append((int(record), int(time_ms), data))
    return entries


async def _decoded(lineage: Lineage, entries: Entries) -> list[Sequence[Event]]:
    """Return the events of each record; the loop goes round meanwhile."""
    loop = asyncio.get_running_loop()
    pause = loop.time() + _SLICE
    records: list[Sequence[Event]] = []
    for record, time_ms, data in entries:
        records.append(decode(data, lineage.epoch_at(position(record)), record, time_ms) or ())
        if loop.time() > pause:
            await asyncio.sleep(0)
            pause = loop.time() + _SLICE
    return records
