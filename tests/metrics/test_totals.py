"""Sums over all streams of a node."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sse_signals.cursor.start import Live
from sse_signals.metrics.totals import CHECK_EVERY, Totals, sum_up
from tests.life.surveyed import Surveyed

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.fakes import Client


class World:
    """A node with streams, in which something happens between any two looks at a stream."""

    def __init__(self, seed: int) -> None:
        self.node = Surveyed()
        self.random = random.Random(seed)
        self.clients: list[Client] = []

    def happen(self) -> None:
        """Let one thing happen."""
        network, choice = self.node.network, self.random.choice
        match self.random.randrange(6):
            case 0:
                client = self.node.client("a")
                client.open(Live())
                self.clients.append(client)
            case 1 if self.clients:
                client = self.clients.pop(self.random.randrange(len(self.clients)))
                self.node.close([client], choice(["client-gone", "shutdown", "send-timeout"]))
            case 2 if self.clients:
                choice(self.clients).transport.take(0)
            case 3 if self.clients:
                choice(self.clients).take(None)
            case 4:
                network.node.hub.all_behind()
            case _:
                network.publish("a", data=b'"%b"' % (b"x" * self.random.choice([1, 40_000])))
        if self.random.random() < 0.7:
            network.run()

    def look(self) -> Totals:
        """Sum up, with as many things happening meanwhile as there are pauses."""
        looking = sum_up(self.node.ledger, list(self.node.streams))
        while True:
            try:
                next(looking)
            except StopIteration as done:
                totals: Totals = done.value
                return totals
            self.happen()


def flattened(totals: Totals) -> dict[str, int]:
    """Return all that may only grow."""
    sums = {"opened": totals.opened, "events": totals.events, "size": totals.size, "behind": totals.times_behind}
    return sums | {f"closed {reason}": count for reason, count in totals.closed.items()}


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32), before=st.integers(0, 30))
def test_no_sum_is_ever_less_than_before(seed: int, before: int) -> None:
    """Streams open, close, fall behind and catch up during a look: each counts once, and nothing goes back."""
    world, known = World(seed), dict[str, int]()
    for _ in range(5):
        for _ in range(before):
            world.happen()
        found = flattened(world.look())
        assert all(found[name] >= count for name, count in known.items()), (known, found)
        known = found
    streams, ledger = world.node.streams, world.node.ledger
    totals = finished(sum_up(ledger, streams))  # once all is quiet, they are exact
    assert totals.open == len(streams)
    assert totals.opened == totals.open + sum(totals.closed.values())
    assert totals.events == ledger.events + sum(stream.events for stream in streams)
    assert totals.size == ledger.size + sum(stream.size for stream in streams)
    assert totals.behind == sum(not stream.live for stream in streams)


def finished(looking: Generator[None, None, Any]) -> Totals:
    """Sum up without a pause."""
    while True:
        try:
            next(looking)
        except StopIteration as done:
            totals: Totals = done.value
            return totals


def test_summing_up_pauses_often() -> None:
    """However many streams there are, somebody else may have a turn after each few."""
    node = Surveyed()
    for _ in range(3 * CHECK_EVERY + 1):
        node.client("a").open(Live())
    looking = sum_up(node.ledger, node.streams)
    assert sum(1 for _ in looking) == 4


def test_who_has_ended_is_not_behind() -> None:
    """A stream whose response has not ended yet counts as open, but nobody waits for it to catch up."""
    node = Surveyed()
    client = node.client("a")
    client.open(Live())
    assert finished(sum_up(node.ledger, node.streams)).behind == 1
    client.stream.end("shutdown")
    totals = finished(sum_up(node.ledger, node.streams))
    assert (totals.open, totals.behind) == (1, 0)
