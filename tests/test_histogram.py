"""Histograms as plain numbers."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.histogram import Histogram


@pytest.mark.parametrize(
    ("value", "counts"),
    [(-1.0, [1, 0, 0]), (1.0, [1, 0, 0]), (1.1, [0, 1, 0]), (5.0, [0, 1, 0]), (5.1, [0, 0, 1])],
)
def test_a_value_belongs_to_the_first_bucket_whose_bound_it_does_not_exceed(value: float, counts: list[int]) -> None:
    """A bound belongs to its bucket, and what exceeds all of them has one of its own."""
    histogram = Histogram([1, 5])
    histogram.observe(value)
    assert histogram.counts == counts
    assert histogram.total == value


@given(values=st.lists(st.integers(0, 20)))
def test_many_at_once_are_the_same_as_one_by_one(values: list[int]) -> None:
    """However they come, buckets, sum and count are those of all values."""
    together, alone = Histogram([2, 4, 8]), Histogram([2, 4, 8])
    together.observe_each(values)
    for value in values:
        alone.observe(value)
    assert together.counts == alone.counts
    assert together.total == alone.total == sum(values)
    assert together.count == len(values)


def test_it_keeps_few_values_to_itself_before_it_sorts_them_in() -> None:
    """However many values come before anybody asks, the memory that they take is bounded."""
    histogram = Histogram([1, 5])
    before = sys.getsizeof(histogram.counts)
    for number in range(10_000):
        histogram.observe(number % 7)
    kept = [getattr(histogram, name) for name in histogram.__slots__]
    assert sum(map(sys.getsizeof, kept)) < before + 4096
    assert histogram.counts == [2858, 5714, 1428]
    assert (histogram.count, histogram.total) == (10_000, 29_994)
