"""Quantities and histograms as text."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sse_signals.bench.histogram import bars, rows
from sse_signals.bench.latencies import Latencies
from sse_signals.bench.quantities import amount, counted, duration, number, percent


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0 µs"), (7, "7 µs"), (999, "999 µs"), (999.6, "1.00 ms"), (1234, "1.23 ms"), (9_999, "10.0 ms"),
        (99_960, "100 ms"), (999_600, "1.00 s"), (1_500_000, "1.50 s"), (3_600_000_000, "3,600 s"),
    ],
)  # fmt: skip
def test_durations(microseconds: float, text: str) -> None:
    """Three digits and a unit, also where rounding reaches the next one."""
    assert duration(microseconds) == text


def test_other_quantities() -> None:
    """Bytes, numbers and shares."""
    assert [amount(size) for size in (0, 100, 65536, 2_040_000, 8.5e9)] == [
        "0 B",
        "100 B",
        "65.5 kB",
        "2.04 MB",
        "8.50 GB",
    ]
    assert [number(value) for value in (0, 20.04, 2.5, 20, 12_345.6)] == ["0", "20", "2.5", "20", "12,346"]
    assert [counted(value, "run") for value in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]
    assert [percent(share) for share in (0, 0.0001, 0.034, 0.0999, 1)] == ["0 %", "<0.1 %", "3.4 %", "10 %", "100 %"]


def test_a_histogram_has_a_row_for_each_step_and_loses_nothing() -> None:
    """From the first to the last that is not empty; also for what took no time or longer than anything should."""
    latencies = Latencies()
    for microseconds in (0, 3, 3, 6_000_000_000):
        latencies.add(microseconds)
    found = rows(latencies)
    assert [(row.start, row.end) for row in found[:4]] == [(0, 1), (1, 2), (2, 5), (5, 10)]
    assert all(one.end == other.start for one, other in pairwise(found))
    assert [row.count for row in found if row.count] == [1, 2, 1]
    assert found[-1].end > 6_000_000_000
    assert rows(Latencies()) == []


@pytest.mark.parametrize(("longest", "row"), [(1_999_999, "1 s - 2 s"), (2_005_000, "2 s - 5 s")])
def test_the_longest_is_in_its_row(longest: int, row: str) -> None:
    """Also where it is close to an edge."""
    latencies = Latencies()
    latencies.add(longest)
    (line,) = bars(latencies, 80, lambda text, _: text)
    assert line.lstrip().startswith(row)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_bars_fit(width: int) -> None:
    """A line is as wide as there is room, within reason; the longest bar is full, and what is there can be seen."""
    latencies = Latencies()
    for microseconds in (150, *[1500] * 9_999, 3_000_000):
        latencies.add(microseconds)
    lines = bars(latencies, width, lambda text, _: text)
    assert {len(line) for line in lines} == {min(width, 92)}
    assert lines[0].count("▏") == 1
    assert lines[1].count("█") == 0
    assert any("█" * (min(width, 92) - 40) in line for line in lines)
    assert lines[-1].lstrip().startswith("2 s - 5 s")
