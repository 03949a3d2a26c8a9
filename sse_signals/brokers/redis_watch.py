"""A limit of time for a task that waits again and again, much cheaper than `asyncio.timeout` each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Watch:
    """Interrupts a task whose wait has lasted too long; one timer serves many waits.

    Args:
        task: It waits for nothing else between `begin` and `end`.
        loop: Where it runs.
    """

    def __init__(self, task: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> None:
        self._task = task
        self._loop = loop
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._interrupted = False

    def begin(self, until: float) -> None:
        """A wait begins that may last until this time of the loop; not less than that of an earlier wait."""
        self._until = until
        if self._timer is None:
            self._timer = self._loop.call_at(until, self._look)

    def end(self) -> None:
        """The wait is over."""
        self._until = None

    def interrupted(self) -> bool:
        """Say of a task that is cancelled whether that was because of the time, and nobody else wants it to end."""
        interrupted, self._interrupted = self._interrupted, False
        return interrupted and self._task.uncancel() == 0

    def close(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._interrupted = True
            self._task.cancel()
