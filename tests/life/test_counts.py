"""How many of something each key has."""

from __future__ import annotations

import pytest

from sse_signals.errors import TooMany
from sse_signals.life.counts import Counts


def test_counts_end_at_the_limit() -> None:
    """A key has as many as it may and not one more; another key is not concerned, and what is given back is there."""
    counts = Counts(2, reason="x-streams", detail="No more.")
    counts.take("a")
    counts.take("a")
    for _ in range(3):
        with pytest.raises(TooMany) as refused:
            counts.take("a")
    assert (refused.value.reason, refused.value.detail) == ("x-streams", "No more.")
    assert refused.value.retry_after > 0
    counts.take("b")
    assert (counts.of("a"), counts.of("b"), counts.of("c"), len(counts)) == (2, 1, 0, 2)
    counts.give_back("a")
    counts.take("a")


def test_counts_of_nothing_take_no_memory() -> None:
    """What is given back is forgotten, and what was only refused was never remembered."""
    counts = Counts(2, reason="x-streams", detail="No more.")
    for key in map(str, range(1000)):
        counts.take(key)
        counts.take(key)
        counts.give_back(key)
        counts.give_back(key)
    assert len(counts) == 0
    with pytest.raises(TooMany):
        Counts(0, reason="x-streams", detail="No more.").take("a")
    with pytest.raises(KeyError):
        counts.give_back("0")
