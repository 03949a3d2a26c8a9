"""A node: one process's end of the log. History, hub and turnstile, wired so that none can see another half done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.cursor.start import NOTHING, opening
from sse_signals.cursor.turnstile import Turnstile
from sse_signals.history import History
from sse_signals.hub.hub import Hub
from sse_signals.model import EventId, Gap, GapReason, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.cursor.start import Found, Opening, Start
    from sse_signals.hub.stream import Stream
    from sse_signals.interfaces import Scheduler
    from sse_signals.model import Event, Fork, HistoryLimits


class Node:
    """Takes what the log brings, and opens streams on it. Every method is done within one tick.

    Attributes:
        history: The tail of the log.
        hub: The open streams.
        turnstile: Those of them that are behind.
        holes: How often the log left something out or started anew.
    """

    def __init__(self, scheduler: Scheduler, limits: HistoryLimits, clock: Callable[[], int]) -> None:
        """Make a node that has seen nothing of the log.

        Args:
            scheduler: The event loop.
            limits: How much history to hold.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self.history = History(limits, EventId("", 0))
        self.hub = Hub(scheduler, self.history.head, clock)
        self.turnstile = Turnstile(self.history, self.hub, scheduler, clock)
        self.holes = 0

    @property
    def head(self) -> EventId:
        """The id of the newest event here."""
        return EventId(self.history.epoch, self.history.head)

    def load(self, tail: Tail) -> None:
        """Start with the tail of the log, before any stream is opened."""
        self.history.load(tail)
        self.hub.head = self.history.head

    def take(self, events: Iterable[Event]) -> None:
        """Take the next events of the log: into the history and to the live streams, in one tick.

        An event that does not follow the one before shows a hole in the log. Then every stream is told of it before it
        gets that event.
        """
        try:
            for event in events:
                if not self.history.continues(event):
                    self._hole(event)
                self.history.append(event)
                self.hub.route(event)
        except BaseException:
            self.hub.all_behind()
            raise

    def open(self, stream: Stream, start: Start, found: Found = NOTHING, *, poll: bool = False) -> Opening:
        """Open a stream where it asked to start; bring it to the turnstile when its receipt is written.

        Args:
            stream: The stream.
            start: What it asked for.
            found: What had to be looked up for that.
            poll: Whether it is complete at the present head.
        """
        how = opening(self.history, start, found)
        stream.pos, stream.gap = how.position, how.gap
        stream.until = self.history.head if poll else None
        self.hub.open(stream)
        return how

    def fork(self, news: Fork) -> None:
        """Go on with a log that has another epoch.

        Streams that have read no further than the two logs are the same go on as if nothing had happened, and never
        get what is lost. The others are told of a gap, and go on after the last place that is still the same, or at the
        oldest event of a log that has nothing to do with the one before.
        """
        old, lineage = self.head, news.lineage
        if lineage.epoch == old.epoch:
            return
        last = lineage.shared(old.epoch)
        if last is None:
            self._lose(Tail(EventId(lineage.epoch, news.position), lineage=lineage), went_on=False)
            return
        if old.position > last:
            self.holes += 1
            self.hub.finish()  # from here on a stream's position is the last that it was told, by whatever
        self.history.fork(lineage, last)
        head = self.hub.head = self.history.head
        # A node that has not come so far yet will: nobody is given again what they have.
        place = head if old.position > last else last
        for stream in self.hub.streams:
            if stream.pos > last:
                self._lose_place(stream, old.epoch, place)
            elif stream.until is not None:
                stream.until = min(stream.until, head)

    def _hole(self, event: Event) -> None:
        lineage = self.history.lineage
        same = event.epoch in (lineage.epoch, lineage.epoch_at(event.position))
        floor = EventId(event.epoch, event.position - 1)
        went_on = same and event.position > self.history.head
        self._lose(Tail(floor, lineage=lineage if same else None), went_on=went_on)

    def _lose(self, tail: Tail, *, went_on: bool) -> None:
        self.holes += 1
        self.hub.finish()  # what is still held reaches the live streams before the hole does
        old = self.head
        self.history.load(tail)
        self.hub.head = tail.floor.position
        for stream in self.hub.streams:
            if stream.live:
                self.hub.fall_behind(stream)
            if not went_on:
                self._lose_place(stream, old.epoch, tail.floor.position)

    def _lose_place(self, stream: Stream, epoch: str, place: int) -> None:
        """Give a stream whose position means nothing in the new log its place there, and a gap to be told of first."""
        if stream.live:
            self.hub.fall_behind(stream)
        after = stream.gap.after if stream.gap is not None else EventId(epoch, stream.pos)
        stream.gap = Gap(GapReason.EPOCH, after)
        stream.pos = place
        if stream.until is not None:
            stream.until = place
