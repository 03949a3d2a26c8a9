from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.cursor.start import Live
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.wire.formats import NDJSON_PLAIN, SSE, SSE_PLAIN
from tests.fakes import Client, Network

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.wire.formats import Format

GROUP = "group:default/a"


def live(network: Network, *filters: str, owns: Iterable[str] = (), wire_format: Format = SSE_PLAIN) -> Client:
    """Open a stream and let it become live."""
    client = network.client(*filters, owns=owns, wire_format=wire_format)
    client.open(Live())
    network.run()
    assert client.stream.live
    return client


def test_an_event_reaches_exactly_those_who_ask_for_it() -> None:
    """Exact topics, prefixes and everything get it; others do not; a broadcast reaches all."""
    network = Network()
    exact, prefix, everything, other = (live(network, *f) for f in (["a/1"], ["a/*"], [], ["b"]))
    one = network.publish("a/1")
    two = network.publish("a/2")
    broadcast = network.publish(None)
    network.run()
    assert exact.ids == [one, broadcast]
    assert prefix.ids == everything.ids == [one, two, broadcast]
    assert other.ids == [broadcast]


def test_nobody_is_written_to_before_the_loop_turns() -> None:
    """Routing only notes what is due: a publisher's events of one turn reach everybody in one write."""
    network = Network()
    client = live(network)
    ids = [network.publish() for _ in range(10)]
    assert not client.transport.writes
    network.scheduler.step()
    assert len(client.transport.writes) == 1
    assert client.ids == ids
    assert client.stream.events == 10


def test_members_of_a_group_share_their_bytes() -> None:
    """The very same object is given to every connection of a group, one for each format."""
    network = Network()
    chunked = [live(network, "a", wire_format=SSE) for _ in range(3)]
    lines = live(network, "a", wire_format=NDJSON_PLAIN)
    network.publish("a")
    network.run()
    assert len({id(client.transport.writes[0]) for client in chunked}) == 1
    assert chunked[0].transport.writes[0].startswith(b"%x\r\n" % (len(chunked[0].transport.writes[0]) - 6))
    assert lines.transport.writes[0].startswith(b'{"id":"abcdefgh-1"')


def test_a_targeted_event_reaches_only_its_owners() -> None:
    """Who owns a target and asks for the topic gets it; the filters alone, or the ref alone, are not enough."""
    network = Network()
    owner, elsewhere = live(network, "a", owns=[GROUP]), live(network, "b", owns=[GROUP])
    anonymous, stranger = live(network, "a"), live(network, "a", owns=["group:default/b"])
    ids = [network.publish("a", [GROUP, "user:default/x"]), network.publish(None, [GROUP])]
    network.publish("a", [])
    network.publish("a", ["user:default/x"])
    network.run()
    assert owner.ids == ids
    assert elsewhere.ids == ids[1:]
    assert not anonymous.transport.taken
    assert not stranger.transport.taken


def test_a_targeted_event_comes_once_however_many_targets_are_owned() -> None:
    """Owning several of an event's targets is still one event."""
    network = Network()
    refs = ["group:default/a", "group:default/b", "user:default/one"]
    client = live(network, owns=refs)
    ids = [network.publish("a", refs), network.publish("a", refs[1:]), network.publish("a", refs)]
    network.run()
    assert client.ids == ids


def test_targeted_and_other_events_keep_the_order_of_the_log() -> None:
    """Ids on one stream only grow, however its own events and its group's mix."""
    network = Network()
    client, other = live(network, "a", owns=[GROUP]), live(network, "a")
    published = [(network.publish("a", [GROUP] if own else None), own) for own in (1, 0, 1, 1, 0, 0, 1)]
    network.run()
    assert client.ids == [event_id for event_id, _ in published]
    assert other.ids == [event_id for event_id, own in published if not own]
    assert client.stream.events == 7


def test_order_is_kept_when_a_group_s_part_is_cut_short() -> None:
    """A stream's own event waits for those of its group that come before it, also over several flushes."""
    network = Network()
    client = live(network, "a", owns=[GROUP])
    ids = [network.publish("a", [GROUP] if n % 2 else None, b"1" * 30_000) for n in range(9)]
    while not network.scheduler.idle:
        client.take()
        network.scheduler.step()
        network.scheduler.now += 1
    client.take()
    network.run()
    assert client.ids == ids


def test_a_connection_that_takes_nothing_falls_behind_and_nobody_else_does() -> None:
    """The slow one is left out at once, told so, and loses nothing once it reads again."""
    network = Network()
    slow, quick = live(network), live(network)
    slow.transport.capacity = 10
    ids = []
    for _ in range(4):
        ids.append(network.publish(data=b"1" * 30_000))
        network.run()
    assert (slow.stream.live, slow.stream.times_behind, slow.notified) == (False, 1, 1)
    assert slow.transport.get_write_buffer_size() <= HIGH_WATER
    assert (quick.ids, quick.stream.times_behind) == (ids, 0)
    for _ in range(9):
        slow.take()
        network.run()
    assert slow.ids == ids
    assert slow.stream.live
    last = network.publish()
    network.run()
    assert slow.ids == [*ids, last]


def test_targeted_events_of_a_slow_connection_are_not_lost() -> None:
    """A stream that falls behind over its own events reads them from the history, each once."""
    network = Network()
    slow = live(network, "a", owns=[GROUP])
    slow.transport.capacity = 10
    ids = []
    for number in range(6):
        ids.append(network.publish("a", [GROUP] if number % 2 else None, b"1" * 30_000))
        network.run()
    assert not slow.stream.live
    for _ in range(9):
        slow.take()
        network.run()
    assert slow.ids == ids


def test_a_targeted_event_that_is_not_taken_is_read_later() -> None:
    """The stream falls behind at just that event, and both its own and its group's come in order, once."""
    network = Network()
    slow = live(network, "a", owns=[GROUP])
    slow.transport.capacity = 0
    slow.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    ids = [network.publish("a", targets) for targets in ([GROUP], None, [GROUP])]
    network.run()
    assert (slow.stream.live, slow.stream.events) == (False, 0)
    slow.take()
    network.run()
    assert slow.ids == ids
    assert slow.stream.live


def test_a_stream_that_is_behind_can_be_closed() -> None:
    """Also one that has never been live leaves nothing."""
    network = Network()
    client = network.client("a", owns=[GROUP])
    network.node.open(client.stream, Live())
    network.node.hub.close(client.stream)
    assert (network.node.hub.groups, network.node.hub.owners) == (0, 0)
    assert not client.stream.live


def test_a_closed_stream_gets_nothing_more() -> None:
    """After close nothing of it is left: no group, no owner, no pending write; closing twice is harmless."""
    network = Network()
    client = live(network, "a", owns=[GROUP])
    network.publish("a")
    network.publish("a", [GROUP])
    network.node.hub.close(client.stream)
    network.node.hub.close(client.stream)
    network.run()
    hub = network.node.hub
    assert not client.transport.taken
    assert (hub.groups, hub.owners, len(hub.streams)) == (0, 0, 0)
    assert client.stream.group is None


def test_an_owner_who_leaves_takes_no_other_along() -> None:
    """Two streams of one owner are two: the other still gets what is targeted at it."""
    network = Network()
    leaving, staying = live(network, owns=[GROUP]), live(network, owns=[GROUP, "group:default/b"])
    network.node.hub.close(leaving.stream)
    assert network.node.hub.owners == 2
    event_id = network.publish("a", [GROUP])
    network.run()
    assert staying.ids == [event_id]
    assert not leaving.transport.writes


def test_what_was_never_opened_cannot_join() -> None:
    """Joining without having been opened is a mistake of the program, and says so."""
    network = Network()
    with pytest.raises(RuntimeError, match="is not open"):
        network.node.hub.join(network.client().stream)


def test_one_dead_connection_does_not_disturb_the_others() -> None:
    """A write that fails ends that stream alone."""
    network = Network()
    clients = [live(network) for _ in range(5)]
    clients[2].transport.broken = OSError("reset")
    event_id = network.publish()
    network.run()
    assert [client.ids for client in clients] == [[event_id], [event_id], [], [event_id], [event_id]]
    assert clients[2].stream.ended == "client-gone"
