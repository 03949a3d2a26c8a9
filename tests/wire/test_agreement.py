"""The decoder agrees with parsers that others wrote, but for what these are known to do otherwise."""

from __future__ import annotations

import pytest

from tests.e2e.clients import NODE_IS_READY
from tests.wire.agreement import COUNT, SEED, compare
from tests.wire.parsers import KNOWN
from tests.wire.streams import streams


@pytest.mark.skipif(not NODE_IS_READY, reason="needs Node.js 20 or later, with which ./tests/run installs parsers")
def test_others_read_alike() -> None:
    """Six parsers make the same of streams in random pieces, wherever none of their known differences applies.

    At least three are compared on nine streams of ten, and no difference is listed that is not seen.
    """
    tallies, alike = compare(streams(COUNT, SEED), node=True)
    assert {name: tally.unlike for name, tally in tallies.items()} == {name: [] for name in KNOWN}
    assert sum(streams_ for parsers, streams_ in alike.items() if parsers >= 3) > 0.9 * COUNT
    assert tallies["client.js"].alike == COUNT
    assert all(tallies[name].alike > 0.9 * COUNT for name in ("eventsource-parser", "httpx-sse"))
    assert all(tally.alike > 0.6 * COUNT for tally in tallies.values())
    unseen = [(name, reason) for name, known in KNOWN.items() for reason in known if not tallies[name].seen[reason]]
    assert unseen == []


def test_others_in_python_read_alike() -> None:
    """The parsers in Python are compared wherever there is no Node.js, too."""
    tallies, _ = compare(streams(COUNT // 10, SEED + 1), node=False)
    for tally in tallies.values():
        assert tally.unlike == []
        assert tally.alike > 0.6 * (COUNT // 10)


def test_streams_are_the_same_for_a_seed() -> None:
    """A seed makes the same streams everywhere, and another seed others; the pieces are the stream."""
    made = list(streams(50, SEED))
    assert made == list(streams(60, SEED))[:50]
    assert made != list(streams(50, SEED + 1))
    assert all(b"".join(pieces) == data for data, pieces in made)
