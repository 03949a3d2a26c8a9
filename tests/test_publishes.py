"""What became of publishes."""

from __future__ import annotations

import asyncio

import pytest

from sse_signals.errors import BrokerUnavailable, IdempotencyConflict, IdempotencyTableFull
from sse_signals.publishes import Publishes, outcome_of


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (BrokerUnavailable("it is away"), "unavailable"),
        (BrokerUnavailable("it is late", outcome_unknown=True), "unknown"),
        (IdempotencyConflict("other content"), "refused"),
        (IdempotencyTableFull(1.0), "refused"),
        (asyncio.CancelledError(), "unknown"),
        (RuntimeError("a fault"), "unknown"),
    ],
)
def test_each_end_has_an_outcome(error: BaseException, outcome: str) -> None:
    """Only where nothing can have happened is it called unavailable or refused."""
    assert outcome_of(error) == outcome
    publishes = Publishes()
    publishes.failed(error)
    assert publishes.outcomes == {outcome: 1}
    assert (publishes.signals, publishes.seconds.count) == (0, 0)


def test_who_does_not_wait_says_nothing_about_the_log() -> None:
    """It has an outcome of its own, which no alert counts as a failure."""
    publishes = Publishes()
    publishes.failed(asyncio.CancelledError(), abandoned=True)
    assert publishes.outcomes == {"abandoned": 1}


def test_what_is_committed_counts_with_its_signals_and_its_time() -> None:
    """A repeated request adds no signals; those that never came to the log have no time."""
    publishes = Publishes()
    publishes.committed(3, 0.002, repeated=False)
    publishes.committed(3, 0.004, repeated=True)
    publishes.refused()
    publishes.refused(unavailable=True)
    assert publishes.outcomes == {"accepted": 1, "repeated": 1, "refused": 1, "unavailable": 1}
    assert publishes.signals == 3
    assert publishes.seconds.count == 2
    assert publishes.seconds.total == pytest.approx(0.006)
