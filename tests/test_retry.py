from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sse_signals.retry import GOODBYE, RECONNECT, backoff, spread

FRACTION = st.floats(0, 1)


@given(FRACTION)
def test_a_delay_stays_inside_its_bounds(fraction: float) -> None:
    """Every client is told a delay in whole milliseconds between the least and the greatest."""
    for low, high in (RECONNECT, GOODBYE):
        delay = spread((low, high), fraction)
        assert isinstance(delay, int)
        assert low * 1000 <= delay <= high * 1000


def test_delays_spread_over_the_whole_range() -> None:
    """The random number decides, from the least delay to the greatest."""
    assert [spread((2.0, 4.0), fraction) for fraction in (0, 0.25, 1)] == [2000, 2500, 4000]


def test_waits_double_up_to_the_longest() -> None:
    """Each failure doubles the greatest wait, until it is as long as it may be."""
    assert [backoff(attempt, 1.0) for attempt in (1, 2, 3, 7, 8, 1000)] == [0.1, 0.2, 0.4, 6.4, 10.0, 10.0]
    assert backoff(3, 0.5, first=1.0, longest=3.0) == 1.5


@given(st.integers(0, 10**6), FRACTION)
def test_no_wait_is_negative_or_too_long(attempt: int, fraction: float) -> None:
    """Whatever the number of failures, the wait is a sensible number of seconds."""
    assert 0 <= backoff(attempt, fraction) <= 10
