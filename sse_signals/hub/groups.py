"""Groups: the streams that get the same bytes, and what waits to be written to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sse_signals.topic_index import TopicIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sse_signals.hub.stream import Stream
    from sse_signals.model import Event
    from sse_signals.topics import Filters
    from sse_signals.wire.formats import Format

FLUSH_BYTES: Final = 64 * 1024  # of frames that one flush writes to a group, unless one frame alone is longer
PENDING_BYTES: Final = 1024 * 1024  # of frames that may wait for a flush; beyond, the history holds them


class Part(NamedTuple):
    """What one flush writes to one group; a tuple, since there may be thousands of small ones in each flush.

    Attributes:
        group: The group.
        events: In log order, at least one.
        low: The position of the first.
        high: The position up to which members have everything once it is written.
    """

    group: Group
    events: Sequence[Event]
    low: int
    high: int


class Group:
    """Streams with the same filters and the same format. Their identities may differ: targeted events go their own way.

    Attributes:
        filters: What its members ask for.
        format: How their bytes look.
        open: How many streams belong to it.
        live: Those the hub writes to, in the order they joined.
        pending: Events that wait for the next flush, in log order.
        pending_size: Bytes of their frames.
        flushing: The position of the first event that a running flush has still to write to members, or None.
    """

    __slots__ = ("filters", "flushing", "format", "live", "open", "pending", "pending_size")

    def __init__(self, filters: Filters, wire_format: Format) -> None:
        self.filters = filters
        self.format = wire_format
        self.open = 0
        self.live: dict[Stream, None] = {}
        self.pending: list[Event] = []
        self.pending_size = 0
        self.flushing: int | None = None

    def add(self, event: Event) -> None:
        """Let an event wait for the next flush."""
        self.pending.append(event)
        self.pending_size += len(event.frame)

    def detach(self, high: int) -> Part | None:
        """Take out what the flush that ends at position ``high`` shall write; None when nothing waits."""
        events: Sequence[Event] = self.pending
        if not events:
            return None
        if self.pending_size <= FLUSH_BYTES or len(events) == 1:
            self.clear()
        else:
            events = self._first_events()
            high = events[-1].position
        self.flushing = low = events[0].position
        return Part(self, events, low, high)

    def clear(self) -> None:
        """Forget what waits; its members then read it from the history."""
        self.pending = []
        self.pending_size = 0

    def first_missing(self, stream: Stream) -> int:
        """Return the position of the first event that waits for a live member, or may not have been written yet."""
        waiting = [events[0].position for events in (self.pending, stream.own) if events]
        if self.flushing is not None:
            waiting.append(self.flushing)
        return min(waiting, default=0)

    def _first_events(self) -> Sequence[Event]:
        """Take out as many events as one flush may write, though not all: together they are too long."""
        count, size = 1, len(self.pending[0].frame)
        while (longer := size + len(self.pending[count].frame)) <= FLUSH_BYTES:
            count, size = count + 1, longer
        events, self.pending = self.pending[:count], self.pending[count:]
        self.pending_size -= size
        return events


class Groups:
    """All groups, found by what they are or by an address."""

    __slots__ = ("_by_key", "_index")

    def __init__(self) -> None:
        self._by_key: dict[tuple[Filters, Format], Group] = {}
        self._index: TopicIndex[Group] = TopicIndex()

    def __len__(self) -> int:
        return len(self._by_key)

    def enter(self, stream: Stream) -> Group:
        """Return the stream's group, made if need be."""
        key = (stream.filters, stream.format)
        group = self._by_key.get(key)
        if group is None:
            group = self._by_key[key] = Group(*key)
            self._index.add(group, group.filters)
        group.open += 1
        return group

    def leave(self, group: Group) -> None:
        """Take one stream out of a group; the last one takes the group with it."""
        group.open -= 1
        if not group.open:
            del self._by_key[group.filters, group.format]
            self._index.remove(group, group.filters)

    def match(self, address: str | None) -> Iterable[Group]:
        """Return the groups that ask for what is published at an address."""
        return self._index.match(address)


def first_waiting(group: Group) -> int:
    """Return the position of the first event that waits for a group's next flush; there is one."""
    return group.pending[0].position


def group_of(stream: Stream) -> Group:
    """Return the group of an open stream.

    Raises:
        RuntimeError: It is not open.
    """
    if stream.group is None:
        raise RuntimeError(f"stream {stream.name} is not open")
    return stream.group
