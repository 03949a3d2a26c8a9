"""A monotonic clock that a test moves."""

from __future__ import annotations


class Clock:
    """A clock that stands until it is moved.

    Attributes:
        now: Seconds.
    """

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return seconds."""
        return self.now
