"""What travels through the hub: signals, events, their ids, and the limits they obey."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.lineage import Lineage

if TYPE_CHECKING:
    from collections.abc import Sequence

INDEX_BITS: Final = 10
MAX_BATCH: Final = 1000  # signals in one publish request; must stay below 2 ** INDEX_BITS
CONTROL_PREFIX: Final = "signals."  # of the names of the hub's own events
MESSAGE_KEY: Final = b'"message":'
FRAME_END: Final = b"}\n\n"
_EVENT_KEY: Final = b"event: "

_UNKNOWN: Final = Lineage("")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
INDEX_MASK: Final = (1 << INDEX_BITS) - 1
_ID = re.compile(r"([0-9a-z]{8,32})-(0|[1-9][0-9]{0,15})(?:\.([1-9][0-9]{0,3}))?")


def position(record: int, index: int = 0) -> int:
    """Return the place in the log of the signal at ``index`` of record number ``record``."""
    return record << INDEX_BITS | index


def follows(earlier: int, later: int) -> bool:
    """Say whether an event at position ``later`` can be the next one after ``earlier``, with nothing between them."""
    if later >> INDEX_BITS == earlier >> INDEX_BITS:
        return later == earlier + 1
    return later == (earlier >> INDEX_BITS) + 1 << INDEX_BITS


@dataclass(frozen=True, slots=True)
class EventId:
    """A place in a log: which log (its epoch) and where in it (a position).

    Written ``<epoch>-<record>`` or ``<epoch>-<record>.<index>``. Clients store and return it, and never look inside.
    """

    epoch: str
    position: int

    def __str__(self) -> str:
        index = self.position & INDEX_MASK
        record = self.position >> INDEX_BITS
        return f"{self.epoch}-{record}.{index}" if index else f"{self.epoch}-{record}"

    @classmethod
    def parse(cls, text: str) -> EventId | None:
        """Read an id in its one written form; None when the text is no id."""
        match = _ID.fullmatch(text)
        if match is None:
            return None
        index = int(match[3] or 0)
        return cls(match[1], position(int(match[2]), index)) if index <= INDEX_MASK else None


@dataclass(frozen=True, slots=True)
class Signal:
    """What a publisher sends, checked: every field obeys the rules, so nobody needs to check again.

    Attributes:
        data: The message as compact JSON text.
        address: Where it is published, or None for a broadcast that reaches every open stream.
        targets: Entity refs of which a receiver must own one; None means everyone, empty means nobody.
        name: The event name for ``addEventListener``, or None for a plain message.
        traceparent: The trace that it belongs to, as W3C Trace Context writes it; no client is told.
    """

    data: bytes
    address: str | None = None
    targets: frozenset[str] | None = None
    name: str | None = None
    traceparent: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Event:
    """A signal at its place in the log.

    Attributes:
        epoch: The log it belongs to.
        position: Its place in that log.
        time_ms: When the log took it, in milliseconds since 1970-01-01 UTC; never less than its predecessor's.
        address: Where it was published, or None for a broadcast.
        targets: Entity refs of which a receiver must own one; None means everyone, empty means nobody.
        frame: Its bytes on the wire, encoded once and shared by all streams.
        traceparent: The trace that it belongs to, for who listens in this process; it is not in the frame.
    """

    epoch: str
    position: int
    time_ms: int
    address: str | None
    targets: frozenset[str] | None
    frame: bytes
    traceparent: str | None = field(default=None, kw_only=True)

    @property
    def id(self) -> str:
        """Its id, to resume after it."""
        return str(EventId(self.epoch, self.position))

    @property
    def time(self) -> datetime:
        """When the log took it, in UTC."""
        return _EPOCH + timedelta(milliseconds=self.time_ms)

    @property
    def event(self) -> str:
        """Its name for ``addEventListener``: ``message`` unless its publisher gave it one."""
        line = self.frame.index(b"\n") + 1
        if not self.frame.startswith(_EVENT_KEY, line):
            return "message"
        return self.frame[line + len(_EVENT_KEY) : self.frame.index(b"\n", line)].decode()

    @property
    def message(self) -> Any:  # any JSON value
        """The message, parsed anew at each call: the log keeps only the frame, which ends with the message's text."""
        data = self.frame.index(b"\ndata: ")  # past the event's name, in which anything may stand
        return orjson.loads(self.frame[self.frame.index(MESSAGE_KEY, data) + len(MESSAGE_KEY) : -len(FRAME_END)])


@dataclass(frozen=True, slots=True)
class ControlRecord(Event):
    """A record of kind ``control`` at its place in the log: it tells the nodes something and reaches no stream.

    It is an event that nobody is a target of, so that whatever reads the log passes over it.

    Attributes:
        control: JSON text.
    """

    control: bytes = b""


@dataclass(frozen=True, slots=True)
class Fork(Event):
    """News from the log itself, not a place in it: it has another epoch, and goes on after ``position``.

    Whoever followed the log further than that has seen records that are lost. What comes next is at ``position`` + 1
    record, in the new epoch or in one that the new one goes on from. It is an event that nobody is a target of.

    Attributes:
        lineage: The new epoch, and those it goes on from; not that which was followed, if the log is another one.
    """

    lineage: Lineage = _UNKNOWN

    @classmethod
    def to(cls, lineage: Lineage, place: int) -> Fork:
        """Return the news that a log with this lineage goes on after a position."""
        return cls(lineage.epoch, place, 0, None, frozenset(), b"", lineage)


class GapReason(StrEnum):
    """Why a stream cannot be given what should come next: a closed list."""

    TRIMMED = "trimmed"
    EPOCH = "epoch"
    UNKNOWN_ID = "unknown-id"


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole that a stream must be told of before it gets anything else.

    Attributes:
        reason: Why.
        after: The id after which events are missing; None when there is no such id.
    """

    reason: GapReason
    after: EventId | None


@dataclass(frozen=True, slots=True)
class HistoryLimits:
    """How much of the log's tail is kept in memory; whichever limit is reached first trims the oldest.

    Attributes:
        count: Events.
        size: Bytes, counting frames and what Python needs to hold them.
        age: Seconds.
    """

    count: int = 100_000
    size: int = 64 * 1024 * 1024
    age: float = 3600.0


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a log: what a starting node loads.

    Attributes:
        floor: The id that the first of the events follows; known even when there are none.
        events: In log order.
        lineage: The log's epoch and those it goes on from; None if that is the floor's epoch alone.
    """

    floor: EventId
    events: Sequence[Event] = ()
    lineage: Lineage | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A publisher's promise that requests with this key are the same request.

    Attributes:
        publisher: Whose key it is; the same text from another publisher is another key.
        key: What the publisher chose.
        digest: A hash of the request's content, to tell a repeat from a mistake.
    """

    publisher: str
    key: str
    digest: bytes

    @classmethod
    def of(cls, publisher: str, key: str, signals: Sequence[Signal]) -> IdempotencyKey:
        """Return the key of a request that publishes these signals."""
        content = [
            [s.address, None if s.targets is None else sorted(s.targets), s.name, s.data.decode()] for s in signals
        ]
        return cls(publisher, key, blake2b(orjson.dumps(content), digest_size=16).digest())


@dataclass(frozen=True, slots=True)
class Receipt:
    """The log's answer to a publish.

    Attributes:
        ids: One id a signal, in the order they were given.
        repeated: True when an idempotency key was seen before and nothing was published.
    """

    ids: Sequence[EventId]
    repeated: bool = False
