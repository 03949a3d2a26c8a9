"""``redis://``: a log that many nodes share, on a Redis or Valkey server, on Sentinels' master, or in a cluster.

Records are one stream; they are appended by a script, so that the idempotency key and the record are there together or
not at all. All that wait go in one round trip, up to 64 records in one script. What is acknowledged is as durable as
the server keeps it: with ``appendonly yes`` it survives the server's process; replication is asynchronous, so that a
replica that takes over may lack the newest records. Then the log gets a new epoch (see `sse_signals.lineage`), and also
when its server was started anew, unless a node is left that has seen all that it holds. Redis before 7 does not heed
``min-replicas-to-write`` in scripts, so it does not bound what may be lost there.

The stream is bounded by the history limits: by count with each record, by bytes and age now and then. Bytes are those
that the server uses, and are looked at whenever this node has added a sixteenth of the limit.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import orjson
from redis.exceptions import AuthenticationError, AuthorizationError, NoPermissionError

from sse_signals.brokers.records import encode, encode_control
from sse_signals.brokers.redis_append import APPEND, CONFLICT, FULL, Record
from sse_signals.brokers.redis_checks import check
from sse_signals.brokers.redis_known import KnownRecords
from sse_signals.brokers.redis_line import Line
from sse_signals.brokers.redis_lua import Keys, call
from sse_signals.brokers.redis_places import Place
from sse_signals.brokers.redis_reading import Reading
from sse_signals.brokers.redis_scripts import HEAD, TRIM
from sse_signals.brokers.redis_session import Session
from sse_signals.brokers.redis_state import RedisState
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import BrokerUnavailable, ConfigurationError, IdempotencyConflict, IdempotencyTableFull
from sse_signals.interfaces import in_time
from sse_signals.model import EventId, Receipt, position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.redis_session import Command
    from sse_signals.lineage import Lineage
    from sse_signals.model import Event, HistoryLimits, IdempotencyKey, Signal, Tail

_PARTS: Final = 16  # of the limits, after each of which the log is trimmed


class RedisBroker:
    """A log on a Redis server: durable as the server keeps it, shared by all hubs with its URL and name.

    Attributes:
        state: What the nodes share besides.
    """

    def __init__(
        self,
        url: str,
        limits: HistoryLimits,
        options: BrokerOptions,
        *,
        clock: Callable[[], int] = wall_clock_ms,  # noqa: ARG002 - the server knows better
        logger: Any,  # any structlog or standard logger
    ) -> None:
        """Make one that is not connected.

        Args:
            url: Where the server is; see `sse_signals.brokers.redis_places.Place`.
            limits: How much of the log is kept.
            options: Its name, how idempotency keys are remembered, how long a server may take.
            clock: Not asked: times are the server's, made non-decreasing.
            logger: Where doubts about the server and losses of the log are told.

        Raises:
            ConfigurationError: The URL is no good.
        """
        self._limits = limits
        self._options = options
        self._logger = logger
        self._known = KnownRecords()
        self._keys = Keys(options.name)
        self._place = Place(url, self._keys.log, options.timeout / 2)
        self._line = Line(self._begin, self._greet, self._appending, options.timeout)
        self._reading = Reading(self._begin, self._greet, self._keys, self._known, options.timeout)
        self._checked = False
        self._added = 0  # bytes since the log was trimmed
        self._records = 0
        self.state = RedisState(self._line, self._keys)

    async def open(self) -> None:
        """See `sse_signals.interfaces.Broker.open`. The server is looked at once."""
        if self._checked:
            return
        try:
            async with self._reading.session() as session, self._reading.patience():
                await check(session, volatile=self._options.redis_volatile, logger=self._logger)
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, (AuthenticationError, AuthorizationError, NoPermissionError)):
                raise ConfigurationError(f"Redis at {self._place} lets us not in: {error.__cause__}") from None
            raise
        self._checked = True

    @in_time
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`."""
        return await self._append(encode(signals), len(signals), key)

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        return (await self._append(encode_control(data), 1)).ids[0]

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        keys = (self._keys.log, self._keys.meta)
        (record, last, _), lineage = await self._line.call(
            lambda lineage: call(HEAD, keys, lineage.epoch, self._known.top), writes=False
        )
        return EventId(lineage.epoch, position(record, last))

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`."""
        return await self._reading.tail(limits)

    def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        """See `sse_signals.interfaces.Broker.follow`. A log that came back empty is told by a `Fork`."""
        return self._reading.follow(after)

    async def close(self) -> None:
        """See `sse_signals.interfaces.Broker.close`."""
        await self._line.close()

    async def _append(self, data: bytes, count: int, key: IdempotencyKey | None = None) -> Receipt:
        what = Record(data, count - 1)
        if key is not None:
            # A hash, so that what a publisher has chosen takes no more room than any other.
            token = blake2b(orjson.dumps([key.publisher, key.key]), digest_size=16).digest()
            what = Record(data, count - 1, token, key.digest.hex())
        (time_ms, said), lineage = await self._line.call(what, size=len(data))
        if isinstance(said, int):
            self._known.saw(lineage.epoch, said, time_ms)
            self._trim(len(data))
            return _receipt(lineage, said, count)
        if said[0] == CONFLICT:
            raise IdempotencyConflict("the idempotency key was used for another request")
        if said[0] == FULL:
            raise IdempotencyTableFull(said[1] / 1000)
        record, last = said
        return _receipt(lineage, record, last + 1, repeated=True)

    def _appending(self, lineage: Lineage, records: Sequence[Record]) -> Command:
        keys = (self._keys.log, self._keys.meta, self._keys.keys, self._keys.ends)
        window, most = round(self._options.idempotency_window * 1000), self._options.idempotency_keys
        words: Iterable[str | bytes | int] = chain.from_iterable(records)
        return call(APPEND, keys, lineage.epoch, self._known.top, self._limits.count, window, most, *words)

    def _trim(self, size: int) -> None:
        """Have the log trimmed now and then; nobody waits for it."""
        self._added += size
        self._records += 1
        if self._added * _PARTS > self._limits.size or self._records * _PARTS > self._limits.count:
            self._added = self._records = 0
            command = call(TRIM, (self._keys.log,), self._limits.size, round(self._limits.age * 1000))
            self._line.call(lambda _: command).add_done_callback(asyncio.Future.exception)

    async def _begin(self) -> Session:
        return await Session.begin(self._place, self._keys, self._known, self._logger)

    async def _greet(self, session: Session) -> None:
        await session.greet(self._known, self._logger)


def _receipt(lineage: Lineage, record: int, count: int, *, repeated: bool = False) -> Receipt:
    epoch = lineage.epoch_at(position(record))
    return Receipt([EventId(epoch, position(record, index)) for index in range(count)], repeated=repeated)
