"""Latencies: a histogram that stays small however much is counted, and is exact to 1 %."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_BITS: Final = 7  # significant bits of a bucket: its bounds are less than 1 / 2**_BITS apart


def _start(microseconds: int) -> int:
    shift = max(0, microseconds.bit_length() - _BITS - 1)
    return microseconds >> shift << shift


EDGES: Final[tuple[int, ...]] = (0, *(step * 10**power for power in range(9) for step in (1, 2, 5)))  # microseconds
# A bucket that one of these lies in is two, so that a histogram with such edges is exact.
_CUTS: Final = {_start(edge): edge for edge in EDGES if edge != _start(edge)}


class Latencies:
    """Counts durations in buckets whose width grows with the duration (log-linear, as HdrHistogram does it).

    Attributes:
        count: How many were counted.
        total: Their sum, in microseconds.
        longest: The longest, in microseconds.
    """

    __slots__ = ("_buckets", "count", "longest", "total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.total = 0
        self.longest = 0

    def add(self, microseconds: int) -> None:
        """Count one duration; what a clock shows as negative counts as none."""
        microseconds = max(0, microseconds)
        shift = max(0, microseconds.bit_length() - _BITS - 1)
        lower = microseconds >> shift << shift
        cut = _CUTS.get(lower)
        if cut is not None and microseconds >= cut:
            lower = cut
        self._buckets[lower] = self._buckets.get(lower, 0) + 1
        self.count += 1
        self.total += microseconds
        self.longest = max(self.longest, microseconds)

    def merge(self, others: Iterable[Latencies]) -> Latencies:
        """Count what others have counted too, and return this one."""
        for other in others:
            for lower, count in other.buckets.items():
                self._buckets[lower] = self._buckets.get(lower, 0) + count
            self.count += other.count
            self.total += other.total
            self.longest = max(self.longest, other.longest)
        return self

    @property
    def buckets(self) -> Mapping[int, int]:
        """How many durations are in each bucket, by its lower bound in microseconds."""
        return self._buckets

    @property
    def mean(self) -> float:
        """The mean, in microseconds; 0 when nothing was counted."""
        return self.total / self.count if self.count else 0.0

    @property
    def shortest(self) -> int:
        """The shortest, in microseconds and rounded down like its bucket; 0 when nothing was counted."""
        return min(self._buckets, default=0)

    def percentile(self, percent: float) -> int:
        """Return what so many per cent of the durations do not exceed, in microseconds; 0 when nothing was counted."""
        wanted = self.count * percent / 100
        seen = 0
        for lower in sorted(self._buckets):
            seen += self._buckets[lower]
            if seen >= wanted:
                return self._upper(lower)
        return self.longest

    def between(self, edges: Sequence[int]) -> Sequence[int]:
        """Return how many durations lie from each edge (microseconds, ascending) up to the next, the last without end.

        Durations below the first edge are in no place. It is exact for `EDGES`, and to 1 % for others.
        """
        counts = [0] * len(edges)
        for lower, count in self._buckets.items():
            place = sum(edge <= lower for edge in edges) - 1
            if place >= 0:
                counts[place] += count
        return counts

    def _upper(self, lower: int) -> int:
        width = 1 << max(0, lower.bit_length() - _BITS - 1)
        return min(_CUTS.get(lower, _start(lower) + width) - 1, self.longest)
