"""One node's copy of the tail of the log, in memory, bounded by count, bytes and age."""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from sse_signals.lineage import Lineage
from sse_signals.model import ControlRecord, Event, EventId, follows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.model import HistoryLimits, Tail

_OVERHEAD: Final = 300  # bytes that CPython needs for an event besides its frame, as measured with sys.getsizeof
_SET: Final = 216  # bytes of a small set
_TRACE: Final = 104  # bytes of a traceparent
_REF: Final = 120  # bytes of a text in a set besides its characters
BLOCK: Final = 256  # events in a block; blocks begin at multiples of it, so that all readers soon read the same ones
_COMPACT: Final = 4096  # trimmed places that may stand at the front of the list before it is moved

# Stands where an event was, so that its frame is freed at once and not when the list is next compacted.
_TRIMMED: Final = Event(epoch="", position=0, time_ms=0, address=None, targets=frozenset(), frame=b"")

_position = attrgetter("position")
_time_ms = attrgetter("time_ms")


class History:
    """The newest events of the log.

    Events are numbered by *sequence*: how many were appended before. Unlike positions, sequence numbers have no holes,
    so a reader can take equal pieces that end at the same places for everybody. Once somebody asked, the addresses that
    occur in a block of them are remembered, so that a reader whom none concerns passes over its events.

    Attributes:
        lineage: The log it is a copy of, and those that it goes on from.
        epoch: The present epoch of that log.
        floor: The position it starts after: what came before is not held.
        floor_ms: The time of the newest event that is not held, in milliseconds, or what is known to be no less; 0 when
            the history holds the log from its beginning.
        head: The position of its newest event; the floor when there is none.
        size: Bytes held, as counted against the limit.
    """

    __slots__ = (
        "_addresses",
        "_events",
        "_first",
        "_limits",
        "_sequence",
        "epoch",
        "floor",
        "floor_ms",
        "head",
        "lineage",
        "size",
    )

    def __init__(self, limits: HistoryLimits, floor: EventId) -> None:
        self._limits = limits
        self._addresses: dict[int, Sequence[str | None]] = {}  # by number of the block
        self._events: list[Event] = []
        self._first = 0  # index of the oldest event held; before it stand trimmed places
        self._sequence = 0  # of self._events[0]
        self.lineage = Lineage("")
        self.epoch = ""
        self.floor = 0
        self.floor_ms = 0
        self.head = 0
        self.size = 0
        self._clear(floor.position, Lineage(floor.epoch))

    def __len__(self) -> int:
        return len(self._events) - self._first

    @property
    def start(self) -> int:
        """The sequence number of the oldest event held."""
        return self._sequence + self._first

    @property
    def end(self) -> int:
        """The sequence number that the next event will get."""
        return self._sequence + len(self._events)

    def append(self, event: Event) -> None:
        """Add the event that follows the head, and trim what is then too much.

        Raises:
            ValueError: The event does not follow: it is of another epoch, or something between is missing.
        """
        if not self.continues(event):
            raise ValueError(f"{event.id} does not follow {EventId(self.epoch, self.head)}")
        if self.floor and not self.floor_ms:
            self.floor_ms = event.time_ms  # what came before is unknown, but for that it was not later
        self._events.append(event)
        self.head = event.position
        self.size += _cost(event)
        while len(self) > self._limits.count or (self.size > self._limits.size and len(self) > 1):
            self._drop_oldest()

    def continues(self, event: Event) -> bool:
        """Say whether an event is the next one of this log, with nothing missing before it."""
        # An earlier epoch is rare: while a node catches up over the place where the log got its present one.
        same = event.epoch == self.epoch or event.epoch == self.lineage.epoch_at(event.position)
        return same and follows(self.head, event.position)

    def trim(self, now_ms: int) -> None:
        """Forget what is older than the age limit at ``now_ms`` (milliseconds since 1970-01-01 UTC)."""
        oldest_ms = now_ms - self._limits.age * 1000
        while len(self) and self._events[self._first].time_ms < oldest_ms:
            self._drop_oldest()

    def load(self, tail: Tail) -> None:
        """Start anew with the tail of a log, after the last hole in it.

        Raises:
            ValueError: An event is of another log.
        """
        lineage = tail.lineage or Lineage(tail.floor.epoch)
        self._clear(tail.floor.position, lineage)
        for event in tail.events:
            if not follows(self.head, event.position):
                self._clear(event.position - 1, lineage)
            self.append(event)

    def fork(self, lineage: Lineage, last: int) -> None:
        """Go on as a copy of a log with another epoch, without the events above ``last``: they are lost there."""
        if self.head <= last:
            self.lineage, self.epoch = lineage, lineage.epoch
            return
        first_lost = self.find(last)
        kept, floor_ms = list(self.read(self.start, first_lost)), self.floor_ms
        size = self.size - sum(map(_cost, self.read(first_lost, self.end)))
        self._clear(min(self.floor, last), lineage)  # the numbers begin anew too: nobody takes a block for what it was
        self._events, self.size, self.floor_ms = kept, size, floor_ms
        if kept:
            self.head = kept[-1].position

    def find(self, position: int) -> int:
        """Return the sequence number of the first event held that comes after ``position``."""
        return self._sequence + bisect_right(self._events, position, self._first, key=_position)

    def since(self, time_ms: int) -> int:
        """Return the sequence number of the first event held that is not older than ``time_ms``."""
        return self._sequence + bisect_right(self._events, time_ms - 1, self._first, key=_time_ms)

    def complete_since(self, time_ms: int) -> bool:
        """Say whether nothing that came at ``time_ms`` or later is missing, as far as can be known."""
        return not self.floor or 0 < self.floor_ms < time_ms

    def read(self, sequence: int, stop: int) -> Sequence[Event]:
        """Return the events from ``sequence`` up to but not including ``stop``, as far as they are held."""
        low = max(sequence - self._sequence, self._first)
        return self._events[low : max(stop - self._sequence, low)]

    def addresses(self, sequence: int) -> Sequence[str | None]:
        """Return the addresses that occur in the block of ``sequence``, each once; some may have been trimmed."""
        block = sequence // BLOCK
        found = self._addresses.get(block)
        if found is None:
            events = self.read(block * BLOCK, (block + 1) * BLOCK)
            found = tuple({event.address for event in events})  # a set would be ten times as large
            if self.start // BLOCK <= block < self.end // BLOCK:  # it is held, and will not grow
                self._addresses[block] = found
        return found

    def position_before(self, sequence: int) -> int:
        """Return the position after which the event with this sequence number is the next one."""
        index = sequence - self._sequence - 1
        return self._events[index].position if index >= self._first else self.floor

    def _clear(self, floor: int, lineage: Lineage) -> None:
        self._sequence = self.end
        self._addresses = {}
        self._events = []
        self._first = 0
        self.lineage, self.epoch = lineage, lineage.epoch
        self.floor = self.head = floor
        self.floor_ms = 0
        self.size = 0

    def _drop_oldest(self) -> None:
        event = self._events[self._first]
        self.size -= _cost(event)
        self.floor = event.position
        self.floor_ms = event.time_ms
        self._events[self._first] = _TRIMMED
        self._first += 1
        if not self.start % BLOCK:
            self._addresses.pop(self.start // BLOCK - 1, None)
        if self._first >= _COMPACT and self._first * 2 >= len(self._events):
            del self._events[: self._first]
            self._sequence += self._first
            self._first = 0


def _cost(event: Event) -> int:
    targets = 0 if event.targets is None else _SET + sum(map(len, event.targets)) + _REF * len(event.targets)
    control = len(event.control) if isinstance(event, ControlRecord) else 0
    trace = 0 if event.traceparent is None else _TRACE
    return _OVERHEAD + len(event.frame) + len(event.address or "") + targets + control + trace
