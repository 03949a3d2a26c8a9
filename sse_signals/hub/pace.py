"""When flushes run: at once while there is little to do, and never more than half of the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.interfaces import Scheduler

SLICE: Final = 0.002  # seconds of writing after which a flush lets the loop go round


class Pace:
    """Adapts flushes to the load.

    An idle hub flushes in the next turn of the loop, a busy one no earlier than one flush's duration after the last
    ended. So nothing waits at a low rate, many events share one write at a high rate, and the rest of the program has
    half of the loop at all times.
    """

    __slots__ = ("_deadline", "_not_before", "_scheduled", "_scheduler", "_started", "_work")

    def __init__(self, scheduler: Scheduler, work: Callable[[], object]) -> None:
        """Make a pace for some work.

        Args:
            scheduler: The event loop.
            work: Called whenever it is time to begin or to go on.
        """
        self._scheduler = scheduler
        self._work = work
        self._scheduled = False
        self._started = 0.0
        self._not_before = 0.0
        self._deadline = 0.0

    def ask(self, *, running: bool) -> None:
        """Have the work called, once: soon if a flush is running, otherwise when the next may begin."""
        if self._scheduled:
            return
        self._scheduled = True
        if running or self._scheduler.time() >= self._not_before:
            self._scheduler.call_soon(self._go)
        else:
            self._scheduler.call_at(self._not_before, self._go)

    def begin(self) -> None:
        """Note that a flush begins."""
        self._started = self._scheduler.time()

    def slice(self) -> None:
        """Note that a slice of a flush begins."""
        self._deadline = self._scheduler.time() + SLICE

    def spent(self) -> bool:
        """Say whether the slice is used up."""
        return self._scheduler.time() >= self._deadline

    def end(self) -> float:
        """Note that a flush ended, and return how many seconds it took."""
        now = self._scheduler.time()
        took = now - self._started
        self._not_before = now + took
        return took

    def _go(self) -> None:
        self._scheduled = False
        self._work()
