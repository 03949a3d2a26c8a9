"""Token buckets against an oracle that reckons in fractions, and how they are forgotten."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import TooMany
from sse_signals.life.buckets import Buckets
from tests.life.clock import Clock

# Numbers with few binary places, with which floats reckon exactly.
RATES = st.sampled_from([0.25, 1.0, 8.0, 1024.0])
PAUSES = st.one_of(
    st.just(0.0), st.integers(0, 4096).map(lambda number: number / 1024), st.sampled_from([64.0, 4096.0])
)
ACTIONS = st.tuples(
    PAUSES, st.sampled_from(["spend", "spend", "check", "charge"]), st.sampled_from("ab"), st.integers(1, 40)
)


def full(rate: float, burst: float, clock: Clock, most_keys: int = 1000) -> Buckets:
    """Return buckets with a reason and a text of their own."""
    return Buckets(rate, burst, reason="x-rate", detail="Too fast.", clock_s=clock, most_keys=most_keys)


class Oracle:
    """Buckets as one would reckon on paper."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate = Fraction(rate)
        self.burst = burst
        self.held: dict[str, Fraction] = {}

    def pass_time(self, seconds: float) -> None:
        """Let all fill."""
        flowed = self.rate * Fraction(seconds)
        self.held = {key: min(held + flowed, Fraction(self.burst)) for key, held in self.held.items()}

    def act(self, action: str, key: str, amount: int) -> Fraction | None:
        """Return None for an action that is admitted, or else the seconds to wait."""
        held = self.held.get(key, Fraction(self.burst))
        if action == "charge":
            self.held[key] = min(held, max(held - 1, Fraction(-self.burst)))
            return None
        needed = min(1 if action == "check" else amount, self.burst)
        if held < needed:
            return (needed - held) / self.rate
        if action == "spend":
            self.held[key] = held - amount
        return None


def act(buckets: Buckets, action: str, key: str, amount: int) -> TooMany | None:
    """Return why an action is refused, or None."""
    try:
        if action == "spend":
            buckets.spend(key, amount)
        elif action == "check":
            buckets.check(key)
        else:
            buckets.charge(key)
    except TooMany as refused:
        return refused
    return None


@given(RATES, st.integers(1, 20), st.lists(ACTIONS, max_size=60))
def test_buckets_are_exact(rate: float, burst: int, actions: list[tuple[float, str, str, int]]) -> None:
    """Each amount is admitted, or refused with the time to wait, as reckoned in fractions."""
    clock = Clock()
    buckets, oracle = full(rate, burst, clock), Oracle(rate, burst)
    for pause, action, key, amount in actions:
        clock.now += pause
        oracle.pass_time(pause)
        wait = oracle.act(action, key, amount)
        refused = act(buckets, action, key, amount)
        assert (refused is None) == (wait is None)
        if refused is not None and wait is not None:
            assert (refused.reason, refused.detail) == ("x-rate", "Too fast.")
            assert 0 < Fraction(refused.retry_after) - wait <= Fraction(1, 2**20) / Fraction(rate)


@given(st.floats(0.01, 10_000), st.integers(1, 1000), st.floats(0, 1e6))
def test_a_full_bucket_holds_its_burst(rate: float, burst: int, now: float) -> None:
    """Whatever the rate and the time, so many can be spent one by one, and not one more."""
    buckets = full(rate, burst, Clock(now))
    for _ in range(burst):
        buckets.spend("a")
    with pytest.raises(TooMany):
        buckets.spend("a")


@given(
    st.floats(0.01, 10_000),
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 10), st.integers(1, 1000)), max_size=40),
)
def test_40_no_window_holds_more(rate: float, burst: float, spending: list[tuple[float, int]]) -> None:
    """40: in any time, no more is admitted than burst + rate * time, and what the largest exceeds the burst by."""
    clock = Clock()
    buckets = full(rate, burst, clock)
    admitted: list[tuple[float, int]] = []
    for pause, amount in spending:
        clock.now += pause
        try:
            buckets.spend("a", amount)
        except TooMany:
            continue
        admitted.append((clock.now, amount))
    for first in range(len(admitted)):
        for last in range(first, len(admitted)):
            amounts = [amount for _, amount in admitted[first : last + 1]]
            window = admitted[last][0] - admitted[first][0]
            assert sum(amounts) <= (burst + rate * window + max(0, max(amounts) - burst)) * (1 + 1e-6)


@given(st.floats(0.01, 10_000), st.floats(1, 1000), st.lists(st.integers(1, 1000), min_size=1, max_size=10))
def test_who_waits_as_told_is_admitted(rate: float, burst: float, amounts: list[int]) -> None:
    """The time to wait is enough, and half of it is not."""
    clock = Clock()
    buckets = full(rate, burst, clock)
    for amount in [1000, *amounts]:
        try:
            buckets.spend("a", amount)
        except TooMany as refused:
            wait = refused.retry_after
        else:
            continue
        clock.now += wait / 2
        with pytest.raises(TooMany):
            buckets.spend("a", amount)
        clock.now += wait / 2 + 1e-9
        buckets.spend("a", amount)


def test_full_buckets_are_forgotten() -> None:
    """Ever new keys take no more memory than there are at a time, far from the most that may be."""
    clock = Clock()
    buckets = full(1, 10, clock)
    for number in range(5000):
        clock.now += 0.125
        buckets.spend(str(number))
    assert len(buckets) <= 2 * 8


def test_what_is_only_looked_at_is_not_remembered() -> None:
    """Looking, or being refused, makes no bucket."""
    buckets = full(1, 10, Clock())
    buckets.check("a")
    assert len(buckets) == 0


def test_too_many_buckets() -> None:
    """There are never more than may be, and the fullest goes first; a known one needs no room."""
    clock = Clock()
    buckets = full(1, 10, clock, most_keys=4)
    buckets.spend("debt", 100)
    buckets.spend("empty", 10)
    buckets.spend("half", 5)
    for number in range(100):
        buckets.spend(str(number))
        assert len(buckets) <= 4
    for _ in range(9):
        buckets.spend("99")
    for key, needed in (("debt", 1), ("empty", 1), ("half", 6), ("99", 1)):
        with pytest.raises(TooMany):
            buckets.spend(key, needed)


def test_a_flood_of_keys_frees_nobody() -> None:
    """With many more buckets than are compared at once, those in debt are all in debt still after a flood of others."""
    clock = Clock()
    buckets = full(1, 10, clock, most_keys=500)
    indebted = [f"debt-{number}" for number in range(50)]
    for number in range(450):
        buckets.spend(str(number))
        if number % 9 == 0:
            buckets.spend(indebted[number // 9], 11)
    for number in range(5000):
        buckets.spend(f"flood-{number}")
    assert len(buckets) == 500
    for key in indebted:
        with pytest.raises(TooMany):
            buckets.check(key)
