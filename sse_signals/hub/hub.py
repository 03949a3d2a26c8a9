"""The hub: routes each event to the live streams that may have it, and writes to them in flushes.

No call here waits for anybody. A stream whose connection cannot take a write is left out and reads the history later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.clock import wall_clock_ms
from sse_signals.hub.bodies import Bodies, in_order
from sse_signals.hub.groups import FLUSH_BYTES, PENDING_BYTES, Groups, first_waiting, group_of
from sse_signals.hub.owners import Owners
from sse_signals.hub.pace import Pace
from sse_signals.hub.reach import Reach
from sse_signals.hub.tallies import Tallies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.hub.groups import Group, Part
    from sse_signals.hub.stream import Stream
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Scheduler
    from sse_signals.model import Event
    from sse_signals.topics import Filters

_CHECK_EVERY: Final = 32  # writes between two looks at the clock
_AHEAD: Final = 32  # parts whose bytes are made before the first of them is written
_END: Final = object()


class Hub:
    """All open streams of a node.

    Attributes:
        head: The position of the newest event routed.
        streams: Every open stream, live or behind.
        reach: Whom a signal would reach now.
        tallies: What is counted of its flushes.
        writes: How often a flush had something for a stream.
    """

    def __init__(self, scheduler: Scheduler, head: int, clock: Callable[[], int] = wall_clock_ms) -> None:
        self._pace = Pace(scheduler, self._work)
        self._groups = Groups()
        self._owners = Owners()
        self._dirty: dict[Group, None] = {}
        self._dirty_own: dict[Stream, None] = {}
        self._running: Iterator[None] | None = None
        self._bodies = Bodies()
        self.head = head
        self.streams: dict[Stream, None] = {}
        self.reach = Reach(self._groups, self._owners)
        self.tallies = Tallies(clock)
        self.writes = 0

    @property
    def groups(self) -> int:
        """How many distinct sets of filters and formats are open."""
        return len(self._groups)

    @property
    def owners(self) -> int:
        """How many distinct entity refs live streams own."""
        return len(self._owners)

    def open(self, stream: Stream) -> None:
        """Take a stream in. It is behind until it joins."""
        stream.group = self._groups.enter(stream)
        self.streams[stream] = None

    def close(self, stream: Stream) -> None:
        """Let a stream go; harmless when it was never open."""
        if stream in self.streams:
            stream.end("client-gone")  # unless there was another reason
            self._withdraw(stream)
            del self.streams[stream]
            self._groups.leave(group_of(stream))
            stream.group = None

    def join(self, stream: Stream) -> None:
        """Make a stream live that has everything up to the head; nothing may happen between finding that and this."""
        stream.live = True
        stream.own.clear()
        stream.own_size = 0
        group_of(stream).live[stream] = None
        self._owners.add(stream)

    def fall_behind(self, stream: Stream, first: int | None = None) -> None:
        """Stop writing to a stream; it will be caught up from the history.

        Its position moves to just before what it misses: on a quiet stream it may be old, and so no longer held.

        Args:
            stream: A live stream.
            first: The position of the first event it misses; None to find out.
        """
        missed = group_of(stream).first_missing(stream) if first is None else first
        stream.pos = max(stream.pos, missed - 1)
        self._withdraw(stream)
        stream.times_behind += 1
        stream.wait()

    def take_back(self, stream: Stream) -> None:
        """Stop writing to a live stream; what has come and is not for it counts as written."""
        if self.settled(stream):
            stream.pos = max(stream.pos, self.head)
        self.fall_behind(stream)

    def change(self, stream: Stream, identity: Identity, filters: Filters) -> None:
        """Change who is listening and what it gets: what was not written yet is read from the history with that."""
        if stream.live:
            self.take_back(stream)
        if filters != stream.filters:
            self._groups.leave(group_of(stream))
            stream.filters = filters
            stream.group = self._groups.enter(stream)
        stream.identity = identity

    def dismiss(self, stream: Stream, reason: str) -> None:
        """End a stream; nothing that waits for it is written any more."""
        self._withdraw(stream)
        stream.end(reason)

    def all_behind(self) -> None:
        """Have every live stream read the history: the way out when a flush or a routing failed half-way."""
        for stream in self.streams:
            if stream.live:
                self.fall_behind(stream)
        for stream in self.streams:
            group_of(stream).flushing = None
            group_of(stream).clear()
        self._dirty.clear()

    def settled(self, stream: Stream) -> bool:
        """Say whether a live stream has been written everything up to the head, so that a heartbeat may say so."""
        group = group_of(stream)
        return stream.live and not group.pending and group.flushing is None and not stream.own

    def route(self, event: Event) -> None:
        """Let an event wait for the next flush, for everybody live who may have it."""
        self.head = event.position
        if event.targets is None:
            for group in self._groups.match(event.address):
                if group.live:
                    group.add(event)
                    self._dirty[group] = None
                    if group.pending_size > PENDING_BYTES:
                        self._overflow(group)
        else:
            for ref in event.targets:
                for stream in self._owners.of(ref):
                    self._route_own(stream, event)
        if self._busy:
            self._pace.ask(running=self._running is not None)

    def finish(self) -> None:
        """Write all that waits, now."""
        while self._busy:
            self._step()

    @property
    def _busy(self) -> bool:
        return self._running is not None or bool(self._dirty) or bool(self._dirty_own)

    def _route_own(self, stream: Stream, event: Event) -> None:
        if (stream.own and stream.own[-1] is event) or not stream.filters.match(event.address):
            return
        stream.own.append(event)
        stream.own_size += len(event.frame)
        self._dirty_own[stream] = None
        if stream.own_size > PENDING_BYTES:
            self.fall_behind(stream)

    def _overflow(self, group: Group) -> None:
        for stream in list(group.live):
            self.fall_behind(stream)
        group.clear()
        del self._dirty[group]  # what comes for it next is younger than what others wait for

    def _withdraw(self, stream: Stream) -> None:
        if not stream.live:
            return
        stream.live = False
        stream.own.clear()
        stream.own_size = 0
        self._dirty_own.pop(stream, None)
        del group_of(stream).live[stream]
        self._owners.remove(stream)

    def _work(self) -> None:
        if self._busy:
            self._step()
        if self._busy:
            self._pace.ask(running=self._running is not None)

    def _step(self) -> None:
        """Write for one slice of time."""
        if self._running is None:
            self._running = self._flush()
            self._pace.begin()
        self._pace.slice()
        try:
            more = next(self._running, _END) is not _END
        except BaseException:
            self._running = None
            self.all_behind()
            raise
        if not more:
            self._running = None
            self.tallies.ended(self._pace.end())

    def _flush(self) -> Iterator[None]:
        """Write what waits up to the head as it is now; yields when a slice of time is used up."""
        high, self._bodies = self.head, Bodies()
        dirty, self._dirty = self._dirty, {}
        parts = [part for group in dirty if (part := group.detach(high)) is not None]
        left = sorted([group for group in dirty if group.pending], key=first_waiting)
        self._dirty.update(dict.fromkeys(left))
        self.tallies.begun(parts, self._dirty_own, left, high)
        for first in range(0, len(parts), _AHEAD):
            yield from self._write_parts(parts[first : first + _AHEAD])
        own = list(self._dirty_own)
        for turn, stream in enumerate(own, self.writes + 1):
            if stream.live:  # it may have fallen behind or gone since the last slice
                self._write_own(stream, high)
            if not turn % _CHECK_EVERY and self._pace.spent():
                yield
        self.writes += len(own)

    def _write_parts(self, parts: Sequence[Part]) -> Iterator[None]:
        # All bytes first: after each write the processor's caches hold the kernel's work, and ours is slow for a while.
        ready = [(*part, self._bodies.of(part.group.format, part.events), list(part.group.live)) for part in parts]
        for group, events, low, high, data, members in ready:
            count = len(events)
            for turn, stream in enumerate(members, self.writes + 1):  # across parts: many may have few members each
                if stream.own or stream.pos >= low:
                    self._write_merged(stream, events, high)
                elif stream.live:
                    if stream.write(data):
                        stream.pos = high
                        stream.events += count
                    else:
                        self.fall_behind(stream, low)
                if not turn % _CHECK_EVERY and self._pace.spent():
                    yield
            self.writes += len(members)
            group.flushing = None

    def _write_own(self, stream: Stream, high: int) -> None:
        """Write a stream's targeted events, as far as no event for its whole group comes before them."""
        pending = group_of(stream).pending
        self._write_merged(stream, (), min(high, pending[0].position - 1) if pending else high)

    def _write_merged(self, stream: Stream, events: Sequence[Event], high: int) -> None:
        """Write the group's events and the stream's own up to ``high`` in log order, without what it has already."""
        if not stream.live:
            return
        own: Sequence[Event] = stream.own
        if own and own[-1].position > high:
            own = [event for event in own if event.position <= high]
        merged = in_order(events, own, stream.pos)
        # Beyond that size it reads the history, in pieces that are bounded.
        long = len(merged) > 1 and sum(len(event.frame) for event in merged) > FLUSH_BYTES + len(merged[-1].frame)
        if merged and (long or not stream.write(self._bodies.of(stream.format, merged))):
            self.fall_behind(stream, merged[0].position)
            return
        stream.pos = max(stream.pos, high)
        stream.events += len(merged)
        if own:
            stream.own = stream.own[len(own) :]
            stream.own_size -= sum([len(event.frame) for event in own])
        if not stream.own:
            self._dirty_own.pop(stream, None)
