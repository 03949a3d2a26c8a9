"""Loop lag: how late the event loop comes to what is due, which is how long everything else on it waits, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client.registry import Collector

from sse_signals.histogram import Histogram
from sse_signals.metrics.series_own import LOOP_LAG, LOOP_LAG_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric
    from structlog.typing import FilteringBoundLogger

    from sse_signals.interfaces import Scheduler

EVERY: Final = 0.25  # seconds between two looks
LONG: Final = 1.0  # seconds of lag that the log tells of: everybody has noticed
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopLag(Collector):
    """One timer that notes how late it is called.

    Attributes:
        seconds: How late, of all looks.
        longest: How late at most since it was collected last, in seconds.
    """

    def __init__(self, scheduler: Scheduler, logger: FilteringBoundLogger) -> None:
        """Make one that is not running yet.

        Args:
            scheduler: The event loop.
            logger: Where it is told if the loop was late by `LONG` or more.
        """
        self._scheduler = scheduler
        self._logger = logger
        self._due = 0.0
        self._running = False
        self.seconds = Histogram(BOUNDS)
        self.longest = 0.0

    def start(self) -> None:
        """Begin to look."""
        self._running = True
        self._again()

    def stop(self) -> None:
        """Look no more."""
        self._running = False

    def collect(self) -> Iterator[Metric]:
        """Yield what it has seen; the longest lag begins anew."""
        yield LOOP_LAG.family(self.seconds)
        longest, self.longest = self.longest, 0.0
        yield LOOP_LAG_MAX.family(longest)

    def _again(self) -> None:
        self._due = self._scheduler.time() + EVERY
        self._scheduler.call_at(self._due, self._look)

    def _look(self) -> None:
        if self._running:
            late = max(0.0, self._scheduler.time() - self._due)  # a loop calls a little early, by its clock's precision
            self.seconds.observe(late)
            self.longest = max(self.longest, late)
            if late >= LONG:
                hint = "Look what blocked or suspended the process: its machine, its CPU limit, a disk under sqlite."
                self._logger.warning("the event loop hung", seconds=round(late, 2), hint=hint)
            self._again()
