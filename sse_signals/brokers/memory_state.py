"""The shared state of ``memory://``: it is shared by the nodes of one process, and lost with it."""

from __future__ import annotations

from bisect import bisect_left, insort
from heapq import heapify, heappop, heappush
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final

from sse_signals.clock import wall_clock_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SPARE: Final = 64  # ends of values that are not there any more which may stay


class MemoryState:
    """A `sse_signals.interfaces.SharedState` in this process's memory."""

    def __init__(self, *, clock: Callable[[], int] = wall_clock_ms) -> None:
        """Make an empty one.

        Args:
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._clock = clock
        self._held: dict[str, tuple[bytes, int]] = {}  # a value, and until when
        self._keys: list[str] = []  # in order, so that a prefix finds its keys without a look at the others
        self._ends: list[tuple[int, str]] = []  # a heap of when to look whether a key is over

    def __len__(self) -> int:
        self._forget()
        return len(self._held)

    async def claim(self, key: str, ttl: float) -> bool:
        """See `sse_signals.interfaces.SharedState.claim`."""
        self._forget()
        if key in self._held:
            return False
        self._keep(key, b"", ttl)
        return True

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """See `sse_signals.interfaces.SharedState.put`."""
        self._forget()
        self._keep(key, value, ttl)

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """See `sse_signals.interfaces.SharedState.items`."""
        self._forget()
        first = bisect_left(self._keys, prefix)
        found = takewhile(lambda key: key.startswith(prefix), islice(self._keys, first, None))
        return [(key, self._held[key][0]) for key in found]

    def _keep(self, key: str, value: bytes, ttl: float) -> None:
        until_ms = self._clock() + round(ttl * 1000)
        if key not in self._held:
            insort(self._keys, key)
        self._held[key] = (value, until_ms)
        heappush(self._ends, (until_ms, key))
        if len(self._ends) > 2 * len(self._held) + _SPARE:  # most are of values that were kept anew
            self._ends = [(until, name) for name, (_, until) in self._held.items()]
            heapify(self._ends)

    def _forget(self) -> None:
        now_ms = self._clock()
        while self._ends and self._ends[0][0] <= now_ms:
            _, key = heappop(self._ends)
            if key in self._held and self._held[key][1] <= now_ms:
                del self._held[key]
                del self._keys[bisect_left(self._keys, key)]
