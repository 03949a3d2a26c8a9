from __future__ import annotations

from sse_signals.hub.groups import FLUSH_BYTES, Groups
from sse_signals.wire.formats import NDJSON, SSE
from tests.fakes import Client, Network


def entered(groups: Groups, *clients: Client) -> None:
    """Enter streams into their groups, as a hub does."""
    for client in clients:
        client.stream.group = groups.enter(client.stream)


def test_equal_wishes_share_a_group() -> None:
    """Order and repetition of filters do not matter; another filter or another format is another group."""
    network, groups = Network(), Groups()
    same = [network.client("a", "b*", wire_format=SSE), network.client("b*", "a", "bb", wire_format=SSE)]
    others = [network.client("a", wire_format=SSE), network.client("a", "b*", wire_format=NDJSON)]
    entered(groups, *same, *others)
    assert same[0].stream.group is same[1].stream.group
    assert len({id(client.stream.group) for client in [*same, *others]}) == 3
    assert len(groups) == 3


def test_a_group_ends_with_its_last_stream() -> None:
    """Nothing is left of a group that nobody needs, and a later one starts anew."""
    network, groups = Network(), Groups()
    one, two = network.client("a"), network.client("a")
    entered(groups, one, two)
    group = one.stream.group
    assert group is not None
    groups.leave(group)
    assert list(groups.match("a")) == [group]
    groups.leave(group)
    assert not len(groups)
    assert not list(groups.match("a"))
    entered(groups, one)
    assert one.stream.group is not group


def test_a_group_is_found_by_address() -> None:
    """Only groups that ask for an address are touched; a broadcast touches all."""
    network, groups = Network(), Groups()
    exact, prefix, other = network.client("a/1"), network.client("a/*"), network.client("b")
    entered(groups, exact, prefix, other)
    assert set(groups.match("a/1")) == {exact.stream.group, prefix.stream.group}
    assert set(groups.match("a/2")) == {prefix.stream.group}
    assert not set(groups.match("c"))
    assert len(list(groups.match(None))) == 3


def test_one_flush_writes_at_most_so_many_bytes() -> None:
    """What is more waits for the next flush; the part says up to where its members then have everything."""
    network, groups = Network(), Groups()
    client = network.client("a")
    entered(groups, client)
    group = client.stream.group
    assert group is not None
    events = [network.make("a", data=b"1" * (FLUSH_BYTES // 3)) for _ in range(5)]
    for event in events:
        group.add(event)
    parts = []
    while part := group.detach(high=10**9):
        parts.append(part)
    assert [list(part.events) for part in parts] == [events[:2], events[2:4], events[4:]]
    assert [part.high for part in parts] == [events[1].position, events[3].position, 10**9]
    assert [part.low for part in parts] == [events[0].position, events[2].position, events[4].position]
    assert all(sum(len(event.frame) for event in part.events) <= FLUSH_BYTES for part in parts)
    assert group.pending_size == 0


def test_one_frame_longer_than_that_is_written_alone() -> None:
    """A frame over the limit is not stuck for ever, and takes no others with it."""
    network, groups = Network(), Groups()
    client = network.client("a")
    entered(groups, client)
    group = client.stream.group
    assert group is not None
    events = [network.make("a", data=b"1" * size) for size in (FLUSH_BYTES * 2, 1)]
    for event in events:
        group.add(event)
    first = group.detach(high=10**9)
    assert first is not None
    assert list(first.events) == events[:1]
    assert group.pending == events[1:]
