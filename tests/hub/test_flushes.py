from __future__ import annotations

import pytest

from sse_signals.cursor.start import Live
from sse_signals.hub.groups import PENDING_BYTES
from sse_signals.hub.pace import SLICE
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.model import HistoryLimits
from tests.fakes import Network
from tests.hub.test_hub import GROUP, live


def test_an_idle_hub_flushes_at_once() -> None:
    """At a low rate no delay is added: each event is written in the next turn of the loop."""
    network = Network()
    client = live(network)
    for number in range(1, 4):
        network.publish()
        network.scheduler.step()
        assert len(client.transport.writes) == number
        network.scheduler.now += 10
    assert not network.scheduler.delays


def test_a_busy_hub_rests_as_long_as_it_worked() -> None:
    """The next flush begins no earlier than one flush's duration after the last ended: half of the loop stays free."""
    network = Network()
    client = live(network)
    scheduler = network.scheduler
    network.publish()
    scheduler.cost = 0.0005
    scheduler.step()
    worked = scheduler.now - 100.0
    scheduler.cost = 0
    ids = [network.publish() for _ in range(3)]
    assert len(scheduler.delays) == 1
    assert 0 < scheduler.delays[0] <= worked
    scheduler.step()
    assert len(client.transport.writes) == 1
    network.run()
    assert len(client.transport.writes) == 2, "what came meanwhile is one write"
    assert client.ids[1:] == ids
    assert network.node.hub.tallies.flush_seconds.count == 2


def test_a_flush_never_writes_what_came_after_it_began() -> None:
    """What is routed between two slices waits for the next flush, so that no stream is ahead of its group."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    first = network.publish("a")
    network.scheduler.cost = SLICE
    network.scheduler.step()
    targeted = network.publish("a", [GROUP])
    second = network.publish("a")
    last = network.publish("a", [GROUP])
    network.run()
    assert all(client.ids == [first, targeted, second, last] for client in clients)


def test_a_stream_that_leaves_between_two_slices_gets_nothing_more() -> None:
    """A flush that goes on skips whoever was closed meanwhile."""
    network = Network()
    clients = [live(network) for _ in range(100)]
    network.publish()
    network.scheduler.cost = SLICE
    network.scheduler.step()
    leaving, ahead, *waiting = [client for client in clients if not client.transport.taken]
    ahead.stream.pos += 1 << 20
    network.node.hub.close(leaving.stream)
    network.node.hub.close(ahead.stream)
    network.run()
    assert not leaving.transport.writes
    assert not ahead.transport.writes
    assert all(client.transport.taken for client in waiting)


def test_an_owner_who_leaves_between_two_slices_gets_nothing_more() -> None:
    """The same holds for targeted events, which are written after those of the groups."""
    network = Network()
    clients = [live(network, owns=[GROUP]) for _ in range(100)]
    event_id = network.publish("a", [GROUP])
    network.scheduler.cost = SLICE
    network.scheduler.step()
    leaving, *waiting = [client for client in clients if not client.transport.taken]
    network.node.hub.close(leaving.stream)
    network.run()
    assert not leaving.transport.writes
    assert all(client.ids == [event_id] for client in waiting)


def test_a_stream_that_joins_between_two_slices_gets_each_event_once() -> None:
    """Who comes while a flush runs has what came before from the history, and nothing twice."""
    network = Network()
    clients = [live(network) for _ in range(100)]
    network.publish()
    network.scheduler.cost = SLICE
    network.scheduler.step()
    late = network.client()
    late.open(Live())
    last = network.publish()
    network.run()
    assert late.ids == [last]
    assert all(len(client.ids) == 2 for client in clients)


def test_finishing_writes_everything_now() -> None:
    """Before the end, what waits is written without a turn of the loop, also what a running flush has begun."""
    network = Network()
    clients = [live(network, "a", owns=[GROUP]) for _ in range(100)]
    first = network.publish("a")
    network.scheduler.cost = SLICE
    network.scheduler.step()
    second = network.publish("a", [GROUP])
    network.node.hub.finish()
    assert all(client.ids == [first, second] for client in clients)
    network.scheduler.cost = 0
    network.run()
    assert network.scheduler.idle


def test_what_waits_for_a_flush_is_bounded() -> None:
    """More than so many bytes are not kept for a flush: the streams read them from the history, and lose nothing."""
    network = Network()
    common, owner = live(network, "a"), live(network, "b", owns=[GROUP])
    count = PENDING_BYTES // 50_000 + 2
    ids = [network.publish("a", data=b"1" * 50_000) for _ in range(count)]
    own = [network.publish("b", [GROUP], b"1" * 50_000) for _ in range(count)]
    assert (common.stream.live, owner.stream.live) == (False, False)
    for _ in range(count * 2):
        common.take()
        owner.take()
        network.run()
    assert common.ids == ids
    assert owner.ids == own
    assert (common.stream.live, owner.stream.live) == (True, True)


def test_a_quiet_stream_that_falls_behind_is_not_told_of_a_gap() -> None:
    """Its position is old, and the history past it, but it missed nothing before the event it could not take."""
    network = Network(HistoryLimits(count=2))
    client = live(network, "a")
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    for _ in range(5):
        network.publish("other")
    network.run()
    first = network.publish("a")
    network.run()
    assert not client.stream.live
    client.take()
    network.run()
    assert client.ids == [first]
    assert not client.controls


def test_a_flush_that_fails_half_way_loses_nothing() -> None:
    """Whatever goes wrong in a write, the error is not swallowed, and every live stream reads the rest itself."""
    network = Network()
    clients = [live(network) for _ in range(3)]
    clients[1].transport.broken = ZeroDivisionError()
    behind = live(network)
    network.node.hub.fall_behind(behind.stream)
    event_id = network.publish()
    with pytest.raises(ZeroDivisionError):
        network.run()
    clients[1].transport.broken = None
    for client in clients:
        client.take()
    network.run()
    assert [client.ids for client in clients] == [[event_id]] * 3
    last = network.publish()
    network.run()
    assert [client.ids for client in [*clients, behind]] == [[event_id, last]] * 4


def test_a_flush_of_many_streams_yields_in_slices() -> None:
    """When writing takes long, the loop goes round in between; then everybody has everything, once."""
    network = Network()
    clients = [live(network) for _ in range(200)]
    first = network.publish()
    network.scheduler.cost = SLICE
    network.scheduler.step()
    served = [client for client in clients if client.transport.taken]
    assert 0 < len(served) < 200
    second = network.publish()
    network.run()
    assert all(client.ids == [first, second] for client in clients)
