"""A survey lets the loop go round, and what happens meanwhile counts once."""

from __future__ import annotations

import asyncio

from sse_signals.cursor.start import Oldest
from sse_signals.life.slices import in_slices
from sse_signals.life.survey import CHECK_EVERY, survey
from tests.fakes import Transport
from tests.life.surveyed import Surveyed
from tests.life.test_survey import done, look, names


def test_what_happens_meanwhile_counts_once() -> None:
    """A stream that closes while others are looked at is counted, is not told as open, and no count goes back later."""
    world = Surveyed()
    clients = [world.client("a") for _ in range(3 * CHECK_EVERY)]
    for client in clients:
        client.open(Oldest())
    world.network.run()
    world.network.publish()
    world.network.run()
    work = survey(world.subject, 1_000)
    for _ in range(2):
        next(work)
    leaving = [clients[0], clients[-1]]  # one was looked at, the other not yet
    world.close(leaving, "client-gone")
    late = world.client("late")
    first, second = done(work), look(world, 1_000)
    gone = {client.stream.name for client in leaving}
    assert not gone & set(names(first.streams))
    assert late.stream.name not in names(first.streams)
    assert first.node["streams"]["open"] == len(clients)
    assert first.node["streams"]["closed"] == {}
    assert first.node["traffic"]["delivered"] == second.node["traffic"]["delivered"] == len(clients)
    assert second.node["traffic"]["bytes"] >= first.node["traffic"]["bytes"] > 0
    assert second.node["streams"]["closed"] == {"client-gone": 2}
    counts = second.node["streams"]
    assert counts["opened"] == counts["open"] + 2


class Watched(Transport):
    """A connection that notes in which turn of the loop it was looked at."""

    turn = 0
    turns: list[int]

    def get_write_buffer_size(self) -> int:
        self.turns.append(Watched.turn)
        return 0


async def test_ten_thousand_streams_are_gone_through_in_slices() -> None:
    """Two milliseconds of looking, and the loop goes round: no turn holds more than a few looks at the clock."""
    world = Surveyed()
    Watched.turns = []
    for _ in range(10_000):
        client = world.client("a")
        client.stream.transport = Watched()
    world.network.scheduler.cost = 0.000_5  # each look at the clock: a slice ends with the fourth after its begin
    looking = asyncio.ensure_future(in_slices(survey(world.subject, 100), world.network.scheduler.time))
    while not looking.done():
        Watched.turn += 1
        await asyncio.sleep(0)
    assert (await looking).node["streams"]["open"] == 10_000
    longest = max(Watched.turns.count(turn) for turn in set(Watched.turns))
    assert longest <= 5 * CHECK_EVERY
    assert len(set(Watched.turns)) <= 10_000 // (3 * CHECK_EVERY) + 1  # nor does it pause more often than it has to
