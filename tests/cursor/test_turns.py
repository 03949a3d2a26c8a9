"""Whose turn it is, how long it lasts, and that nobody holds up the others."""

from __future__ import annotations

import pytest

from sse_signals.cursor.start import After, Live, Oldest
from sse_signals.cursor.turnstile import SHORT, TURN
from sse_signals.history import BLOCK
from sse_signals.model import EventId, position
from tests.fakes import EPOCH, Client, Network


def test_a_turn_is_short_and_the_loop_goes_round() -> None:
    """However many wait, a turn lasts about 2 ms, and the next mostly begins when the loop has gone round."""
    network = Network()
    for _ in range(10):
        network.publish()
    clients = [network.client() for _ in range(200)]
    for client in clients:
        client.open(Oldest())
    network.scheduler.cost = TURN / 10
    network.scheduler.step()
    served = sum(bool(client.transport.taken) for client in clients)
    assert 0 < served < 20
    assert len(network.node.turnstile) > 150
    network.run()
    assert len(network.scheduler.delays) < len(clients) / 20
    assert all(len(client.ids) == 10 for client in clients)
    assert len(network.node.turnstile) == 0


@pytest.mark.parametrize(
    ("others", "least", "most"),
    [(0.0, SHORT, SHORT * 1.2), (TURN / 2, TURN / 2, TURN * 0.6), (TURN * 9, TURN, TURN * 1.1)],
)
def test_a_turn_is_no_longer_than_what_the_others_took(others: float, least: float, most: float) -> None:
    """Who has something to do gets half of the loop, and where nobody has, turns are still long enough to get on."""
    network = Network()
    network.publish()
    for _ in range(500):
        network.client().open(Oldest())
    scheduler = network.scheduler
    scheduler.cost = SHORT / 10
    scheduler.step()
    for _ in range(3):
        scheduler.now += others
        began = scheduler.now
        scheduler.step()
        assert least <= scheduler.now - began <= most
    assert len(network.node.turnstile)


def test_turns_that_became_too_long_are_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece is read in one go, however long that takes: the others then get as much more than their share."""
    network = Network()
    scheduler = network.scheduler
    network.publish()
    clients = [network.client() for _ in range(3)]
    taken: list[Client] = []
    for client in clients:
        client.open(Oldest())

        def write(_data: bytes, client: Client = client) -> None:
            scheduler.now += TURN * 4
            taken.append(client)

        monkeypatch.setattr(client.transport, "write", write)
    scheduler.step()  # the first turn: nobody had a turn before, and so all time was the others'
    assert (taken, scheduler.delays) == (clients[:1], [])
    scheduler.step()
    assert taken == clients[:2]
    assert scheduler.delays == [pytest.approx(TURN * 4 - SHORT)]


def test_streams_take_turns() -> None:
    """A stream with much to read does not keep the next from its first piece."""
    network = Network()
    for _ in range(BLOCK * 10):
        network.publish("a")
    last = network.publish("b")
    long, short = network.client("a"), network.client("b")
    long.open(Oldest())
    short.open(After(EventId(EPOCH, position(BLOCK * 10))))
    network.scheduler.cost = TURN / 4
    network.scheduler.step()
    assert short.ids == [last]
    assert not long.stream.live
    network.run()
    assert len(long.ids) == BLOCK * 10


def test_entering_twice_is_once() -> None:
    """A stream that stands in the queue, or is live, is not served twice."""
    network = Network()
    event_id = network.publish()
    client = network.client()
    client.open(Oldest())
    network.node.turnstile.enter(client.stream)
    assert len(network.node.turnstile) == 1
    network.run()
    network.node.turnstile.enter(client.stream)
    assert network.scheduler.idle
    assert client.ids == [event_id]


def test_a_stream_that_was_closed_in_the_queue_holds_nobody_up() -> None:
    """A client that left while its stream waited for its turn: the next in the queue is served all the same."""
    network = Network()
    gone, well = network.client(), network.client()
    gone.open(Live())
    well.open(Live())
    network.node.hub.close(gone.stream)
    network.run()
    assert well.stream.live
    assert not gone.stream.live


def test_a_turn_that_fails_is_not_the_last() -> None:
    """An error reaches the loop, which reports it; whoever waits is served in the next turn."""
    network = Network()
    event_id = network.publish()
    broken, well = network.client(), network.client()
    broken.transport.broken = ZeroDivisionError()
    broken.open(Oldest())
    well.open(Oldest())
    with pytest.raises(ZeroDivisionError):
        network.run()
    network.run()
    assert well.ids == [event_id]
