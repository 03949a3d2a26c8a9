from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.cursor.start import Live
from sse_signals.hub import bodies
from sse_signals.hub.bodies import SHARED_EVENTS, Bodies, in_order
from sse_signals.wire.formats import NDJSON, SSE
from tests.fakes import Network

if TYPE_CHECKING:
    import pytest

GROUP = "group:default/a"


def test_the_same_events_in_the_same_format_are_the_same_bytes() -> None:
    """Whoever asks, and from whatever list, gets the very same object; another format or another event is another."""
    network, made = Network(), Bodies()
    one, two = network.make(), network.make()
    data = made.of(SSE, [one, two])
    assert data == SSE.events([one, two])
    assert made.of(SSE, (one, two)) is data
    assert made.of(NDJSON, [one, two]) == NDJSON.events([one, two])
    assert made.of(SSE, [one]) == SSE.events([one])
    assert made.of(SSE, [two]) == SSE.events([two])


def test_long_lists_are_not_kept() -> None:
    """They are hardly ever the same for two groups: they are made anew, and right."""
    network, made = Network(), Bodies()
    events = [network.make() for _ in range(SHARED_EVENTS + 1)]
    assert made.of(SSE, events) == SSE.events(events)
    assert made.of(SSE, events) is not made.of(SSE, events)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush to thousands of groups that all get something else does not hold all their bytes."""
    monkeypatch.setattr(bodies, "KEPT_BYTES", 400)
    network, made = Network(), Bodies()
    events = [network.make(data=b"1" * 50) for _ in range(50)]
    for event in events:
        assert made.of(SSE, [event]) == SSE.events([event])
    assert sum(map(len, made._made.values())) <= 400
    assert made.of(SSE, [events[-1]]) is made.of(SSE, [events[-1]])


def test_a_group_s_and_a_stream_s_own_events_are_put_in_order() -> None:
    """By position, without what a stream has already."""
    network = Network()
    one, two, three, four = (network.make() for _ in range(4))
    assert list(in_order([one, three], [two, four], 0)) == [one, two, three, four]
    assert list(in_order([one, three], [two, four], two.position)) == [three, four]
    assert list(in_order([one, three], [], one.position)) == [three]
    assert list(in_order([], [two], two.position)) == []
    assert list(in_order([], [], 0)) == []


def test_streams_of_different_groups_share_bytes() -> None:
    """In one flush, whoever gets the same events gets the same object: groups of one stream, and owners of a target."""
    network = Network()
    clients = [network.client("a", f"b{n}", owns=[GROUP], wire_format=SSE) for n in range(5)]
    for client in clients:
        client.open(Live())
    network.run()
    network.publish("a")
    network.run()
    network.publish("a", [GROUP])
    network.run()
    network.publish("a")
    network.publish("a", [GROUP])
    network.run()
    for write in range(3):
        assert len({id(client.transport.writes[write]) for client in clients}) == 1
    assert all(len(client.ids) == 4 for client in clients)
