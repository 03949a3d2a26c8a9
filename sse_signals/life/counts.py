"""How many of something is in use by each key at a time, up to a limit."""

from __future__ import annotations

from typing import Final

from sse_signals.errors import TooMany

_RETRY_AFTER: Final = 5.0  # seconds; nobody knows when a stream will end


class Counts:
    """How many of something each key has. A key that has none takes no memory.

    Args:
        most: How many one key may have.
        reason: The reason of the `TooMany` that it raises.
        detail: What to tell people then, one sentence.
    """

    __slots__ = ("_detail", "_most", "_of", "_reason")

    def __init__(self, most: int, *, reason: str, detail: str) -> None:
        self._most = most
        self._reason = reason
        self._detail = detail
        self._of: dict[str, int] = {}

    def __len__(self) -> int:
        """Return how many keys have any."""
        return len(self._of)

    def of(self, key: str) -> int:
        """Return how many a key has."""
        return self._of.get(key, 0)

    def take(self, key: str) -> None:
        """Count one more.

        Raises:
            TooMany: The key has all it may have; it is not counted.
        """
        taken = self.of(key)
        if taken >= self._most:
            raise TooMany(self._reason, self._detail, retry_after=_RETRY_AFTER)
        self._of[key] = taken + 1

    def give_back(self, key: str) -> None:
        """Count one less, of a key that has one."""
        if self._of[key] > 1:
            self._of[key] -= 1
        else:
            del self._of[key]
