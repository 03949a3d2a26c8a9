"""Streams that are of age: when they end, who never does, and that nothing is lost however often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.cursor.start import After, Live
from sse_signals.hub.sweep import Sweep
from sse_signals.model import EventId
from tests.hub.test_sweep import Swept

if TYPE_CHECKING:
    from tests.fakes import Client


def aged(network: Swept, max_age: float) -> None:
    """Have the sweep of a network end streams that are old, instead of the one it has."""
    network.sweep.stop()
    network.sweep = Sweep(
        network.node.hub,
        network.node.history,
        network.scheduler,
        heartbeat=15,
        send_timeout=1000,
        clock=lambda: network.now_ms,
        max_age=max_age,
    )
    network.sweep.start()


def test_streams_end_at_their_age_each_at_its_own_moment() -> None:
    """Not before four fifths of the greatest age, not after it, not all at once, and with a short time to come back."""
    network = Swept()
    aged(network, 1000)
    clients = [network.live() for _ in range(200)]
    ends: dict[Client, int] = {}
    for second in range(1, 1001):
        network.scheduler.advance(1)
        ends.update((client, second) for client in clients if client.stream.ended and client not in ends)
    assert len(ends) == 200
    assert 800 <= min(ends.values()) < 830
    assert 960 < max(ends.values()) <= 1000
    assert len(set(ends.values())) > 80
    retries = []
    for client in clients:
        assert client.stream.ended == "max-age"
        goodbye = client.received[-1]
        assert (goodbye.event, goodbye.data) == ("signals.goodbye", '{"reason":"max-age"}')
        retries.append(int(client.transport.taken.rpartition(b"retry: ")[2].split(b"\n")[0]))
    assert 0 <= min(retries) < 100
    assert 1900 < max(retries) <= 2000


def test_who_polls_and_who_may_stay_gets_no_age() -> None:
    """A poll ends by itself; without an age nobody is old."""
    network = Swept()
    forever = network.live()
    network.scheduler.advance(5000)
    assert forever.stream.ended is None
    aged(network, 1000)
    poll = network.client()
    poll.open(Live())
    poll.stream.until = 2**60
    network.sweep.add(poll.stream)
    network.scheduler.advance(2000)
    assert poll.stream.ended is None


def test_an_age_below_five_heartbeats_is_kept_as_well_as_looks_allow() -> None:
    """Nobody is sent away before four fifths of it."""
    network = Swept()
    aged(network, 20)
    client = network.live()
    network.scheduler.advance(15.9)
    assert client.stream.ended is None
    network.scheduler.advance(15.1)
    assert client.stream.ended == "max-age"


def test_one_that_is_behind_ends_too_and_nothing_is_lost_in_twenty_ages() -> None:
    """Whoever resumes where it was has all events, once each, in their order: those it missed, too."""
    network = Swept()
    aged(network, 100)
    published: list[str] = []
    received: list[str] = []
    ends, behind = 0, 0
    client = network.live()
    while ends < 20:
        published.append(network.publish(data=b"1" * 5000))
        if len(published) % 7 == 0:
            client.transport.capacity = 0
        network.scheduler.advance(3)
        if client.stream.ended is None:
            continue
        assert client.stream.ended == "max-age"
        behind += not client.stream.live and client.stream.times_behind > 0
        ends += 1
        client.transport.take()  # what was buffered arrives
        assert client.received[-1].event == "signals.goodbye" or client.stream.times_behind
        received += client.ids
        last = max((message.last_event_id for message in client.received if message.last_event_id), key=_place)
        network.node.hub.close(client.stream)
        network.sweep.remove(client.stream)
        client = network.client("a")
        client.open(After(EventId.parse(last)))
        network.sweep.add(client.stream)
        network.scheduler.advance(0)
        assert client.stream.live
    received += client.ids
    assert behind > 5
    assert received == published


def _place(event_id: str) -> int:
    return int(event_id.partition("-")[2])
