"""A node: one process's end of the log. History, hub and turnstile, wired so that none can see another half done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.cursor.start import NOTHING, opening
from sse_signals.cursor.turnstile import Turnstile
from sse_signals.history import History
from sse_signals.hub.hub import Hub
from sse_signals.model import EventId, Gap, GapReason, Tail, follows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.cursor.start import Found, Opening, Start
    from sse_signals.hub.stream import Stream
    from sse_signals.interfaces import Scheduler
    from sse_signals.model import Event, HistoryLimits


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
        self.hub = Hub(scheduler, self.history.head)
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
                if event.epoch != self.history.epoch or not follows(self.history.head, event.position):
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

    def _hole(self, event: Event) -> None:
        self.holes += 1
        self.hub.finish()  # what is still held reaches the live streams before the hole does
        old = self.head
        went_on = event.epoch == old.epoch and event.position > old.position
        floor = event.position - 1
        self.history.load(Tail(EventId(event.epoch, floor)))
        self.hub.head = floor
        for stream in self.hub.streams:
            if stream.live:
                self.hub.fall_behind(stream)
            if not went_on:
                self._lose_place(stream, old.epoch, floor)

    def _lose_place(self, stream: Stream, epoch: str, floor: int) -> None:
        """Give a stream whose position means nothing in the new log its place at the log's oldest event."""
        after = stream.gap.after if stream.gap is not None else EventId(epoch, stream.pos)
        stream.gap = Gap(GapReason.EPOCH, after)
        stream.pos = floor
        if stream.until is not None:
            stream.until = floor
