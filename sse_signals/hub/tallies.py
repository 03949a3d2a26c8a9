"""What the hub counts of its flushes: once for each, never for each stream or event."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

from sse_signals.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sse_signals.hub.groups import Group, Part
    from sse_signals.hub.stream import Stream

FLUSH_SECONDS: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
WRITE_EVENTS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
LAG_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_events = attrgetter("events")


class Tallies:
    """Counts of flushes.

    Attributes:
        flush_seconds: How long each took, pauses included in which the loop went round.
        write_events: How many events there were in what a flush had for a group of streams.
        lag_seconds: How old the oldest event of each flush was when all was written: by the log's time of it and the
            clock here, and never less than nothing.
        written: Up to which position flushes that have ended have given live streams everything.
        on_flush: Called with ``written`` when a flush has ended.
    """

    __slots__ = (
        "_clock",
        "_flushing",
        "_oldest_ms",
        "flush_seconds",
        "lag_seconds",
        "on_flush",
        "write_events",
        "written",
    )

    def __init__(self, clock: Callable[[], int]) -> None:
        """Begin with none.

        Args:
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._clock = clock
        self._oldest_ms: int | None = None  # the time of the oldest event that a running flush writes, if there is one
        self._flushing = self.written = 0
        self.on_flush: list[Callable[[int], object]] = []
        self.flush_seconds = Histogram(FLUSH_SECONDS)
        self.write_events = Histogram(WRITE_EVENTS)
        self.lag_seconds = Histogram(LAG_SECONDS)

    def begun(self, parts: Sequence[Part], own: Iterable[Stream], left: Sequence[Group], high: int) -> None:
        """Note that a flush begins. What waits came in order, so that one of those that came first is the oldest.

        Args:
            parts: What it writes to whole groups, in the order in which something came for them.
            own: The streams for which targeted events wait, in that order, too.
            left: The groups for which more waits than one flush may write, in that order.
            high: The position up to which it writes to all others.
        """
        self._flushing = left[0].pending[0].position - 1 if left else high
        self._oldest_ms = None
        if parts:
            self._oldest_ms = parts[0].events[0].time_ms
        if len(parts) == 1:  # as mostly
            self.write_events.observe(len(parts[0].events))
        elif parts:
            self.write_events.observe_each(map(len, map(_events, parts)))
        for stream in own:
            own_ms = stream.own[0].time_ms
            if self._oldest_ms is None or own_ms < self._oldest_ms:
                self._oldest_ms = own_ms
            break

    def ended(self, seconds: float) -> None:
        """Note that a flush has ended which took so long."""
        self.written = self._flushing
        self.flush_seconds.observe(seconds)
        if self._oldest_ms is not None:
            lag_ms = self._clock() - self._oldest_ms
            self.lag_seconds.observe(lag_ms / 1000 if lag_ms > 0 else 0.0)
        for told in self.on_flush:
            told(self.written)
