"""``nats://``: the log is a JetStream stream, one message a record, and its sequence numbers are the records' numbers.

Records are published to ``<name>.0``: there is one partition today. What the brokers keep in the log for themselves is
published to ``<name>.epoch``, and takes a number like any record. Times are those that the server has stored; whoever
follows raises one that is lower than its predecessor's, so that nodes differ at most by how far the server's clock has
stepped back. A log that has lost records gets a new epoch, and also one whose server was started anew, unless a node is
left that has seen all that it holds; of a cluster's servers that is not asked, since they stand in for each other.
"""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers.nats_answers import IN_PROCESS, TOO_LARGE, WRONG_LAST, Refused, answer
from sse_signals.brokers.nats_events import pieces
from sse_signals.brokers.nats_found import NOTES, stored
from sse_signals.brokers.nats_memory import EXPECTED
from sse_signals.brokers.nats_reader import StreamReader
from sse_signals.brokers.nats_session import Sessions
from sse_signals.brokers.nats_state import NatsState
from sse_signals.brokers.nats_stream import PARTITION
from sse_signals.brokers.records import decode, encode, encode_control, record_of
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import BrokerUnavailable, IdempotencyConflict, MessageTooLarge
from sse_signals.interfaces import in_time
from sse_signals.model import INDEX_BITS, INDEX_MASK, EventId, Fork, Receipt, Tail, position

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.nats_session import Session
    from sse_signals.model import Event, HistoryLimits, IdempotencyKey, Signal

_HEADERS: Final = 512  # bytes that the headers of a record take at most
_DIGEST: Final = "Signals-Digest"
_AGAIN: Final = 0.02  # seconds after which to ask again for a request that somebody else is just making
_ENOUGH: Final = 1024 * 1024  # what NATS takes as it comes, and a request body is at most as the hub comes
_MS: Final = 10**6  # nanoseconds


class NatsBroker:
    """A log on NATS JetStream: as durable as its server's ``sync_interval`` and its replicas make it.

    Attributes:
        state: The shared state that goes with it.
    """

    def __init__(
        self,
        url: str,
        limits: HistoryLimits,
        options: BrokerOptions,
        *,
        clock: Callable[[], int] = wall_clock_ms,  # noqa: ARG002 - the server has a better one
        logger: Any,  # any structlog logger
    ) -> None:
        """Prepare one; nothing is connected yet.

        Args:
            url: Where the servers are, see `sse_signals.brokers.nats_url.read`.
            limits: How much of the log is kept; it may be more.
            options: What else is chosen.
            clock: Not used: the times are the server's.
            logger: Where is told what was changed or lost.

        Raises:
            ConfigurationError: The URL is no good.
        """
        self._sessions = Sessions(url, limits, options, logger)
        self._name = options.name
        self._subject = f"{options.name}.{PARTITION}"
        self._notes = f"{options.name}.{NOTES}"
        self._logger = logger
        self._lasts = ("", 0, 0)  # epoch and number of the newest record that is known, and its last index
        self.state = NatsState(self._sessions)

    async def open(self) -> None:
        """See `sse_signals.interfaces.Broker.open`."""
        session = await self._sessions.open(self._sessions.deadline())
        if session.link.max_payload < _ENOUGH:
            self._logger.warning("NATS takes no greater messages than this", max_payload=session.link.max_payload)

    @in_time
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """See `sse_signals.interfaces.Broker.publish`.

        Raises:
            MessageTooLarge: The server takes no record of this size.
        """
        data, deadline = encode(signals), self._sessions.deadline()
        if key is None:
            record, _, session = await self._append(data, None, deadline)
            return Receipt(_ids(session, record, len(signals)))
        headers = {"Nats-Msg-Id": _message_id(key), _DIGEST: key.digest.hex()}
        record, repeated, session = await self._append(data, headers, deadline)
        count = await self._first(session, record, key, deadline) if repeated else None
        return Receipt(_ids(session, record, count or len(signals)), repeated=repeated)

    async def head(self) -> EventId:
        """See `sse_signals.interfaces.Broker.head`."""
        deadline = self._sessions.deadline()
        session = await self._sessions.get(deadline)
        newest = (await self._sessions.look(session, deadline)).last
        epoch = session.lineage.epoch
        if self._lasts[:2] != (epoch, newest):
            last = await stored(session.link, self._name, {"seq": newest}, deadline) if newest else None
            events = decode(last.data, "", newest, 0) if last is not None else None
            # What a record held that is not there any more, nobody knows; but there was nothing after it.
            self._lasts = epoch, newest, len(events) - 1 if events else INDEX_MASK if newest else 0
        return _ids(session, newest, 1, self._lasts[2])[0]

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`. The node trims to its other limits as it loads."""
        session = await self._sessions.get(self._sessions.deadline())
        found = await self._sessions.look(session)
        lineage = session.lineage
        start = max(found.first, found.last - limits.count, 1)
        events: list[Event] = []
        reader = StreamReader(session.link, self._name, start)
        try:
            left = await reader.open()
            while left and session.lineage is lineage:
                records = await self._sessions.read(session, reader)
                for piece in pieces(session, lineage, records, 0, events[-1].time_ms if events else 0):
                    events += piece
                    await asyncio.sleep(0)
                left = records[-1].pending if records[-1].number < found.last else 0
        finally:
            await reader.close()
        before = position(start - 1, INDEX_MASK) if start > 1 else 0
        if len(events) > limits.count:
            before = events[-limits.count - 1].position
            del events[: -limits.count]
        return Tail(EventId(lineage.epoch_at(before), before), events, lineage if lineage.forks else None)

    async def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        """See `sse_signals.interfaces.Broker.follow`."""
        session = await self._sessions.get(self._sessions.deadline())
        lineage, at = session.lineage, after.position
        if after.epoch != lineage.epoch:
            shared = lineage.shared(after.epoch)
            at = 0 if shared is None else min(at, shared)
            if shared is not None:
                yield [Fork.to(lineage, at)]
        while True:
            reader = StreamReader(session.link, self._name, max(at + 1 >> INDEX_BITS, 1))
            time_ms = self._sessions.memory.time_ns(record_of(at)) // _MS
            try:
                await reader.open()
                while session.lineage is lineage:
                    records = await self._sessions.read(session, reader)
                    for piece in pieces(session, lineage, records, at, time_ms):
                        at, time_ms = piece[-1].position, piece[-1].time_ms
                        self._lasts = lineage.epoch, record_of(at), at & INDEX_MASK  # which outlives the record
                        yield piece
            finally:
                await reader.close()
            at = min(at, session.lineage.shared(lineage.epoch) or 0)
            lineage = session.lineage
            yield [Fork.to(lineage, at)]

    async def control(self, data: bytes) -> EventId:
        """See `sse_signals.interfaces.Broker.control`."""
        record, _, session = await self._append(encode_control(data), None, self._sessions.deadline())
        return _ids(session, record, 1)[0]

    async def close(self) -> None:
        """See `sse_signals.interfaces.Broker.close`."""
        await self._sessions.close()

    async def _append(self, data: bytes, headers: dict[str, str] | None, deadline: float) -> tuple[int, bool, Session]:
        """Append a record; returns its number, whether that is of an earlier one, and through which session."""
        while True:
            session = await self._sessions.get(deadline)
            if len(data) > session.link.max_payload - _HEADERS:
                raise _too_large(session.link.max_payload)
            known = self._sessions.memory.highest
            try:
                sent = headers if not session.alone else {**(headers or {}), **self._only_after(session.note)}
                said = answer(await session.link.request(self._subject, data, sent, deadline=deadline))
            except Refused as error:
                await self._refused(error, session, deadline)
                continue
            record, repeated = said["seq"], said.get("duplicate", False)
            if not repeated:
                self._acknowledged(session, record, data, known)
            return record, repeated, session

    async def _refused(self, error: Refused, session: Session, deadline: float) -> None:
        """Do what makes another try sensible, or raise what there is to say."""
        if error.code == WRONG_LAST:
            await self._sessions.catch_up(session, deadline)
        elif error.code == IN_PROCESS:
            await asyncio.sleep(_AGAIN)
        elif error.code == TOO_LARGE:
            raise _too_large(session.link.max_payload) from error
        else:
            if not error.code:
                session.link.drop()  # the stream has gone: look what there is instead
            raise error

    def _only_after(self, note: int) -> dict[str, str]:
        """Return what has a server refuse a record if there is a newer note, since its id would be of a past epoch."""
        return {EXPECTED: str(note), f"{EXPECTED}-Subject": self._notes}

    def _acknowledged(self, session: Session, record: int, data: bytes, known: int) -> None:
        """Remember a new record, unless its number is one that was known when it was sent.

        Raises:
            BrokerUnavailable: Another stream has come in the place of the log, and counts anew.
        """
        if record <= known:
            session.link.drop()  # so that it is compared
            raise BrokerUnavailable("the log is not what it was", outcome_unknown=True)
        # What an answer says that came just before the connection was lost may have been compared and forgotten since.
        if session.link.up:
            self._sessions.memory.acknowledged(record, data)

    async def _first(self, session: Session, record: int, key: IdempotencyKey, deadline: float) -> int | None:
        """Return how many signals the first request with a key had; None if its record is not held any more.

        Raises:
            IdempotencyConflict: They were others.
        """
        first = await stored(session.link, self._name, {"seq": record}, deadline)
        if first is None:
            return None
        if f"{_DIGEST}: {key.digest.hex()}\r\n" not in first.headers:
            raise IdempotencyConflict("the idempotency key was used for another request")
        return len(decode(first.data, "", record, 0) or ())


def _ids(session: Session, record: int, count: int, first: int = 0) -> Sequence[EventId]:
    epoch = session.lineage.epoch_at(position(record, first))
    return [EventId(epoch, position(record, first + index)) for index in range(count)]


def _message_id(key: IdempotencyKey) -> str:
    """Return a name for a key that holds nothing of what its publisher has chosen."""
    digest = blake2b(digest_size=24)
    for text in (key.publisher, key.key):
        digest.update(b"%d:%b" % (len(text.encode()), text.encode()))
    return digest.hexdigest()


def _too_large(most: int) -> MessageTooLarge:
    return MessageTooLarge(
        f"The request is greater than what NATS takes ({most} bytes).",
        hint="Publish less at a time, or raise max_payload of the NATS server.",
    )
