"""Histograms as plain numbers: cheap enough to be observed wherever something happens once for many."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_KEPT: Final = 256  # values that are sorted in together: that costs less than half as much as one at a time


class Histogram:
    """How often a value lay between which bounds.

    Attributes:
        bounds: The greatest value of each bucket, in rising order; one more bucket takes what is greater.
    """

    __slots__ = ("_counts", "_new", "_total", "bounds")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Begin with none.

        Args:
            bounds: The greatest value of each bucket, in rising order.
        """
        self.bounds = tuple(bounds)
        self._counts = [0] * (len(self.bounds) + 1)
        self._total = 0.0
        self._new: list[float] = []  # what is not in the counts yet

    @property
    def counts(self) -> Sequence[int]:
        """How many values each bucket has taken, that of what is greater than all bounds included."""
        self._sort_in()
        return self._counts

    @property
    def total(self) -> float:
        """The sum of all values."""
        self._sort_in()
        return self._total

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def observe(self, value: float) -> None:
        """Take a value."""
        self._new.append(value)
        if len(self._new) >= _KEPT:
            self._sort_in()

    def observe_each(self, values: Iterable[float]) -> None:
        """Take many values, of which most are the same: what costs something is done once for each that differs."""
        for value, times in Counter(values).items():
            self._counts[bisect_left(self.bounds, value)] += times
            self._total += value * times

    def _sort_in(self) -> None:
        new, self._new = sorted(self._new), []
        below = 0
        for place, bound in enumerate(self.bounds):
            upto = bisect_right(new, bound, below)
            self._counts[place] += upto - below
            below = upto
        self._counts[-1] += len(new) - below
        self._total += sum(new)
