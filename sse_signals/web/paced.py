"""What happens often is told now and then, with how often it happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_MS: Final = 1000  # milliseconds between two lines about the same kind
_KINDS: Final = 100  # kinds that are remembered; there are some thirty


class Paced:
    """Says of each kind of thing when it is told: the first at once, and then how many there were, at intervals."""

    __slots__ = ("_clock", "_every_ms", "_kinds")

    def __init__(self, clock: Callable[[], int], *, every_ms: int = EVERY_MS) -> None:
        """Begin with none.

        Args:
            clock: Returns milliseconds since 1970-01-01 UTC.
            every_ms: Milliseconds between two times.
        """
        self._clock = clock
        self._every_ms = every_ms
        self._kinds: dict[str, tuple[int, int]] = {}  # when it was last told, and how many came since

    def count(self, kind: str) -> int:
        """Count one; return how many there were since the last time if it is time to tell them, else 0."""
        now_ms = self._clock()
        told_ms, count = self._kinds.get(kind, (now_ms - self._every_ms, 0))
        if abs(now_ms - told_ms) < self._every_ms:  # a clock that is set back must not silence it
            self._kinds[kind] = (told_ms, count + 1)
            return 0
        if len(self._kinds) >= _KINDS:
            self._kinds.clear()
        self._kinds[kind] = (now_ms, 0)
        return count + 1
