"""Latencies beside sorted lists of what was counted."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from sse_signals.bench.latencies import EDGES, Latencies

DURATIONS = st.lists(st.integers(0, 10**9), min_size=1, max_size=200)


def counted(durations: list[int]) -> Latencies:
    latencies = Latencies()
    for duration in durations:
        latencies.add(duration)
    return latencies


@given(DURATIONS, st.sampled_from([50.0, 90.0, 99.0, 99.9, 100.0]))
def test_percentiles_are_exact_to_one_percent(durations: list[int], percent: float) -> None:
    """Each is that of the sorted list, or less than 1 % above it, and never above the longest."""
    exact = sorted(durations)[max(0, math.ceil(len(durations) * percent / 100) - 1)]
    found = counted(durations).percentile(percent)
    assert exact <= found <= min(exact * 1.01, max(durations))


@given(DURATIONS)
def test_the_ends_and_the_mean(durations: list[int]) -> None:
    """The longest and the mean are exact, the shortest to 1 %."""
    latencies = counted(durations)
    assert latencies.longest == max(durations)
    assert latencies.count == len(durations)
    assert math.isclose(latencies.mean, sum(durations) / len(durations))
    assert min(durations) * 0.99 <= latencies.shortest <= min(durations)


@given(st.lists(DURATIONS, min_size=1, max_size=4))
def test_merged_is_as_if_counted_together(parts: list[list[int]]) -> None:
    """It makes no difference in how many processes they were counted."""
    merged = Latencies().merge([counted(part) for part in parts])
    together = counted([duration for part in parts for duration in part])
    assert merged.buckets == together.buckets
    assert (merged.count, merged.total, merged.longest) == (together.count, together.total, together.longest)


@given(DURATIONS)
def test_between_edges(durations: list[int]) -> None:
    """A histogram counts each duration from the first edge on once, to 1 % of its place."""
    edges = (100, 1111, 10_101)
    counts = counted(durations).between(edges)
    for place, edge in enumerate(edges):
        assert sum(counts[place:]) >= sum(duration >= edge * 1.01 for duration in durations)
        assert sum(counts[place:]) <= sum(duration >= edge for duration in durations)


@given(DURATIONS, st.sampled_from(EDGES[15:]), st.integers(-9, 9))
def test_between_its_own_edges(durations: list[int], edge: int, beside: int) -> None:
    """There it is exact."""
    durations = [*durations, edge + beside]
    counts = counted(durations).between(EDGES)
    for place, start in enumerate(EDGES):
        assert sum(counts[place:]) == sum(duration >= start for duration in durations)


def test_nothing_counted() -> None:
    """No duration has any percentile but none."""
    latencies = Latencies()
    assert (latencies.percentile(99), latencies.mean, latencies.shortest) == (0, 0.0, 0)


def test_more_than_all() -> None:
    """Beyond the last there is only the longest."""
    assert counted([5, 7]).percentile(101) == 7


def test_a_clock_that_steps_back() -> None:
    """What seems to have come before it was sent took no time."""
    assert counted([-3]).buckets == {0: 1}
