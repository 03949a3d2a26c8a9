"""Groups: the streams that get the same bytes, and what waits to be written to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.topics import TopicIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sse_signals.hub.stream import Stream
    from sse_signals.model import Event
    from sse_signals.topics import Filters
    from sse_signals.wire.formats import Format

FLUSH_BYTES: Final = 64 * 1024  # of frames that one flush writes to a group, unless one frame alone is longer
PENDING_BYTES: Final = 1024 * 1024  # of frames that may wait for a flush; beyond, the history holds them


@dataclass(frozen=True, slots=True)
class Part:
    """What one flush writes to one group.

    Attributes:
        group: The group.
        events: In log order, at least one.
        low: The position of the first.
        high: The position up to which members have everything once it is written.
        members: Who was live when the flush began.
    """

    group: Group
    events: Sequence[Event]
    low: int
    high: int
    members: Sequence[Stream]


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
        if not self.pending:
            return None
        size = 0
        for count, event in enumerate(self.pending):
            size += len(event.frame)
            if size > FLUSH_BYTES and count:
                events, self.pending = self.pending[:count], self.pending[count:]
                high = events[-1].position
                break
        else:
            events, self.pending = self.pending, []
        self.pending_size -= sum(len(event.frame) for event in events)
        self.flushing = events[0].position
        return Part(self, events, self.flushing, high, list(self.live))

    def clear(self) -> None:
        """Forget what waits; its members then read it from the history."""
        self.pending = []
        self.pending_size = 0


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
