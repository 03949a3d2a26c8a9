from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.commands.top.members import MOST
from sse_signals.commands.top.quantities import amount, clock, count, rate, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (99_999, "99,999"),
        (99_999.6, "100k"),
        (100_000, "100k"),
        (999_400, "999k"),
        (999_500, "1.00M"),
        (12_345_678, "12.3M"),
        (5e9, "5.00G"),
        (9.2e18, "9.20E"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Up to 99,999 as they are, then with a letter and three digits."""
    assert count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.004, "0"),
        (0.25, "0.25"),
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.9, "99.9"),
        (99.96, "100"),
    ],
)
def test_rates(value: float | None, text: str) -> None:
    """Three digits, so that what is rare shows as well; a dash for what nobody knows."""
    assert rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 B"), (999.4, "999 B"), (999.6, "1.00 kB"), (45_600_000, "45.6 MB"), (2**62, "4.61 EB")],
)
def test_bytes(value: float, text: str) -> None:
    """Three digits and a unit."""
    assert amount(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.04, "0s"),
        (0.5, "0.5s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m 00s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (86_399, "23h 59m"),
        (86_400 * 9 + 3600, "9d 01h"),
        (86_400 * 100, "100d"),
        (86_400e6, "1.00Md"),
    ],
)
def test_times(value: float, text: str) -> None:
    """The two largest units."""
    assert span(value) == text


@given(st.floats(0, float(MOST)))
def test_everything_keeps_to_its_column(value: float) -> None:
    """Whatever a hub says, a number takes at most six columns, bytes and times seven."""
    assert len(count(value)) <= 6
    assert len(rate(value)) <= 6
    assert len(amount(value)) <= 7
    assert len(span(value)) <= 7


def test_the_time_of_day() -> None:
    """It is UTC, as in the hub's log, and says so."""
    assert clock(1_795_953_603.9) == "12:00:03Z"
