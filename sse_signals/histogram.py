"""Histograms as plain numbers: cheap enough to be observed wherever something happens once for many."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Histogram:
    """How often a value lay between which bounds.

    Attributes:
        bounds: The greatest value of each bucket, in rising order; one more bucket takes what is greater.
        counts: How many values each bucket has taken, that last one included.
        total: The sum of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Begin with none.

        Args:
            bounds: The greatest value of each bucket, in rising order.
        """
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def observe(self, value: float, times: int = 1) -> None:
        """Take a value.

        Args:
            value: The value.
            times: How often it occurred.
        """
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times

    def observe_each(self, values: Iterable[float]) -> None:
        """Take many values, of which most are the same: what costs something is done once for each that differs."""
        for value, times in Counter(values).items():
            self.observe(value, times)
