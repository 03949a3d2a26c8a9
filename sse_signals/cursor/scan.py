"""Reading a piece of history for a stream: what it asked for, and of that what its identity may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.history import BLOCK
from sse_signals.identity import Identity, entitled
from sse_signals.model import EventId, Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from sse_signals.history import History
    from sse_signals.hub.stream import Stream
    from sse_signals.model import Event
    from sse_signals.topics import Filters

SKIP: Final = 512  # addresses that are matched before a reader pauses, unless one block alone has more
PIECE_BYTES: Final = 64 * 1024  # of frames in a piece, unless one frame alone is longer


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the history, as seen through filters.

    Attributes:
        public: Events for everybody who asks, in log order.
        targeted: Events for those who own one of their targets, in log order.
        end: The sequence number after the stretch.
        position: The position up to which a reader has everything then.
    """

    public: Sequence[Event]
    targeted: Sequence[Event]
    end: int
    position: int

    def events(self, identity: Identity) -> Sequence[Event]:
        """Return what an identity may have, in log order."""
        own = self.own(identity)
        return sorted([*self.public, *own], key=lambda event: event.position) if own else self.public

    def own(self, identity: Identity) -> Sequence[Event]:
        """Return the targeted events an identity may have."""
        return [event for event in self.targeted if entitled(identity, event.targets)]


def gap_before(history: History, stream: Stream) -> Gap | None:
    """Return the hole that a stream must be told of before it is given what comes next, or None."""
    if stream.gap is None and stream.pos < history.floor:
        return Gap(GapReason.TRIMMED, EventId(history.epoch, stream.pos))
    return stream.gap


def block_end(sequence: int, stop: int) -> int:
    """Return where the block of ``sequence`` ends, or ``stop`` if that comes first."""
    return min(stop, (sequence // BLOCK + 1) * BLOCK)


def scan(history: History, filters: Filters, sequence: int, stop: int) -> Piece:
    """Read from ``sequence`` up to ``stop``, or until the block ends, or until the piece is big enough.

    A piece that holds nothing may be longer: it goes on over the blocks that hold nothing either.

    Args:
        history: What to read.
        filters: What is asked for.
        sequence: Where to begin.
        stop: The sequence number to stop before.
    """
    public: list[Event] = []
    targeted: list[Event] = []
    wanted = _wanted(history, filters, sequence)
    if not wanted:
        end = _skip(history, filters, sequence, stop)
        return Piece(public, targeted, end, history.position_before(end))
    size = 0
    end = sequence
    for event in history.read(sequence, block_end(sequence, stop)):
        if event.address in wanted:
            size += len(event.frame)
            if size > PIECE_BYTES and (public or targeted):
                break
            (public if event.targets is None else targeted).append(event)
        end += 1
    return Piece(public, targeted, end, history.position_before(end))


def _skip(history: History, filters: Filters, sequence: int, stop: int) -> int:
    matched = 0
    while matched < SKIP:
        matched += 1 + len(history.addresses(sequence))
        sequence = block_end(sequence, stop)
        if sequence >= stop or _wanted(history, filters, sequence):
            break
    return sequence


def _wanted(history: History, filters: Filters, sequence: int) -> AbstractSet[str | None]:
    """Return which addresses of a block are asked for: there are fewer of them to match than events."""
    return set(filter(filters.match, history.addresses(sequence)))


def scan_back(history: History, filters: Filters, identity: Identity, stop: int, count: int) -> tuple[int, int]:
    """Look backwards through one block for events that an identity asks for and may have.

    Args:
        history: What to read.
        filters: What is asked for.
        identity: Who asks.
        stop: The sequence number to begin before.
        count: How many events are wanted.

    Returns:
        The sequence number reached, and how many events are still wanted.
    """
    first = max(history.start, (stop - 1) // BLOCK * BLOCK)
    wanted = _wanted(history, filters, first)
    if count and not wanted:
        return first, count
    sequence = stop
    for event in reversed(history.read(first, stop)):
        if not count:
            break
        sequence -= 1
        count -= event.address in wanted and entitled(identity, event.targets)
    return sequence, count
