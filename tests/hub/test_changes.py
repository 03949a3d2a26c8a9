"""A change of who listens: what is pending is filtered anew at once, in both directions, and nothing else is lost."""

from __future__ import annotations

import pytest

from sse_signals.cursor.start import Live
from sse_signals.hub.pace import SLICE
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.topics import Filters
from tests.fakes import Client, Network
from tests.hub.changing import GROUP, OTHER, turn
from tests.hub.test_hub import live

OWNER = Identity("user:default/one", frozenset({GROUP}))


def change(client: Client, identity: Identity, *topics: str) -> None:
    """Change who listens, and what it may have."""
    client.network.node.hub.change(client.stream, identity, Filters.parse(topics))


def test_15_a_loss_holds_for_what_is_pending() -> None:
    """15: a targeted event that waits for the flush is not written to who has just lost what it is targeted at."""
    network = Network()
    client, other = live(network, "a", owns=[GROUP]), live(network, "a", owns=[GROUP])
    targeted, public = network.publish("a", [GROUP]), network.publish("a")
    change(client, ANONYMOUS, "a")
    turn(network)
    network.publish("a", [GROUP])
    turn(network)
    assert client.ids == [public]
    assert other.ids[:2] == [targeted, public]
    network.node.hub.close(other.stream)
    assert network.node.hub.owners == 0


def test_15_a_gain_holds_for_what_comes() -> None:
    """15: who has just gained something gets what is targeted at it from then on, but nothing that was passed over."""
    network = Network()
    client = live(network, "a")
    network.publish("a", [GROUP])
    change(client, OWNER, "a")
    event_id = network.publish("a", [GROUP])
    turn(network)
    assert client.ids == [event_id]
    assert client.controls == []


def test_15_a_gain_and_a_loss_for_who_is_behind() -> None:
    """15: what is read from the history is read with today's identity."""
    network = Network()
    client = live(network, "a", owns=[OTHER])
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    first = network.publish("a")
    turn(network)
    assert not client.stream.live
    gained = network.publish("a", [GROUP])
    network.publish("a", [OTHER])
    change(client, OWNER, "a")
    client.take()
    turn(network)
    assert client.ids == [first, gained]
    assert client.stream.live


@pytest.mark.parametrize("served", [False, True])
def test_15_a_change_in_the_middle_of_a_flush(*, served: bool) -> None:
    """15: whether the running flush has written to a stream or not, it gets all it still may have, once."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    first, own, last = network.publish("a"), network.publish("a", [GROUP]), network.publish("a")
    network.scheduler.cost = SLICE
    network.scheduler.step()
    chosen = next(client for client in clients if bool(client.transport.taken) is served)
    change(chosen, ANONYMOUS, "a")
    network.scheduler.cost = 0
    network.run()
    assert chosen.ids == ([first, own, last] if served else [first, last])
    assert all(client.ids == [first, own, last] for client in clients if client is not chosen)


def test_15_other_filters_are_another_group() -> None:
    """15: a stream leaves the group whose bytes it may not share any more, and takes nothing of it along."""
    network = Network()
    client, other = live(network), live(network)
    network.publish("secret")
    public = network.publish("public")
    change(client, client.stream.identity, "public")
    assert network.node.hub.groups == 2
    turn(network)
    assert client.ids == [public]
    assert len(other.ids) == 2
    network.node.hub.close(client.stream)
    network.node.hub.close(other.stream)
    assert network.node.hub.groups == 0


def test_a_quiet_stream_keeps_its_place() -> None:
    """One for which nothing waits has everything: a change makes it read nothing again, and tells of no gap."""
    network = Network()
    client = live(network, "a")
    for _ in range(3):
        network.publish("other")
    turn(network)
    change(client, OWNER, "a")
    assert client.stream.pos == network.node.head.position
    turn(network)
    assert (client.ids, client.controls, client.stream.live) == ([], [], True)


def test_a_stream_that_waits_is_taken_back_before_what_it_misses() -> None:
    """With something pending, its place is just before that."""
    network = Network()
    client = live(network, "a")
    network.publish("other")
    turn(network)
    event_id = network.publish("a")
    network.node.hub.take_back(client.stream)
    assert client.stream.pos == network.node.head.position - 1
    turn(network)
    assert client.ids == [event_id]


def test_13_a_dismissed_stream_gets_nothing_more() -> None:
    """13: nothing that waits for it is written, be it live, in the middle of a flush, behind or at the turnstile."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    late = network.client("a")
    network.publish("a")
    network.publish("a", [GROUP])
    late.open(Live())
    network.scheduler.cost = SLICE
    network.scheduler.step()
    done, *waiting = [client for client in clients if client.transport.taken]
    still = [client for client in clients if not client.transport.taken]
    hub = network.node.hub
    for client in (done, still[0], late):
        hub.dismiss(client.stream, "revoked")
    before = [list(client.transport.writes) for client in (done, still[0], late)]
    network.publish("a")
    network.publish("a", [GROUP])
    network.scheduler.cost = 0
    network.run()
    assert [client.transport.writes for client in (done, still[0], late)] == before
    assert all(client.stream.ended == "revoked" for client in (done, still[0], late))
    assert all(len(client.ids) == 4 for client in [*waiting, *still[1:]])
    hub.dismiss(done.stream, "expired")
    assert done.stream.ended == "revoked"
    hub.close(done.stream)
    assert done.stream not in hub.streams
