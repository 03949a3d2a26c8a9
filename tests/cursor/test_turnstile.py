from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from sse_signals.cursor import turnstile
from sse_signals.cursor.start import After, Live, Oldest
from sse_signals.cursor.turnstile import TURN
from sse_signals.history import BLOCK
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.model import EventId, HistoryLimits, position
from sse_signals.wire.formats import SSE
from tests.fakes import Client, Network

if TYPE_CHECKING:
    import pytest

GROUP = "group:default/a"


def gaps(client: Client) -> list[dict[str, str | None]]:
    """Return what a client was told of gaps."""
    return [orjson.loads(message.data) for message in client.received if message.event == "signals.gap"]


def test_a_stream_catches_up_and_joins() -> None:
    """It gets what it missed and then what comes, each once, in order."""
    network = Network()
    ids = [network.publish() for _ in range(BLOCK * 2 + 3)]
    client = network.client()
    client.open(After(EventId.parse(ids[9])))
    assert not client.stream.live
    network.run()
    assert client.ids == ids[10:]
    last = network.publish()
    network.run()
    assert client.ids == [*ids[10:], last]
    assert client.stream.events == len(ids) - 9


def test_a_stream_sees_only_what_it_asks_for_and_may_have() -> None:
    """Catching up obeys the same filters and rights as going along."""
    network = Network()
    published = [
        (topic, targets, network.publish(topic, targets))
        for _ in range(50)
        for topic in ("a", "b", None)
        for targets in (None, [], [GROUP], ["group:default/b"])
    ]
    owner, anonymous = network.client("a", owns=[GROUP]), network.client("a")
    owner.open(Oldest())
    anonymous.open(Oldest())
    network.run()
    assert anonymous.ids == [i for topic, targets, i in published if topic != "b" and targets is None]
    assert owner.ids == [i for topic, targets, i in published if topic != "b" and targets in (None, [GROUP])]


def test_events_that_come_while_it_catches_up_are_in_their_place() -> None:
    """Publishing goes on between any two pieces; nothing is missed and nothing comes twice."""
    network = Network()
    ids = [network.publish() for _ in range(BLOCK * 3)]
    client = network.client()
    client.open(Oldest())
    network.scheduler.cost = TURN
    while not client.stream.live:
        ids.append(network.publish())
        network.scheduler.step()
        network.scheduler.now += TURN
    network.scheduler.cost = 0
    ids.append(network.publish())
    network.run()
    assert client.ids == ids


def test_streams_of_a_group_share_the_bytes_of_a_piece() -> None:
    """A thousand resumes at the same place read the history once."""
    network = Network()
    for _ in range(BLOCK):
        network.publish()
    clients = [network.client(wire_format=SSE) for _ in range(100)]
    for client in clients:
        client.open(Oldest())
    network.run()
    assert network.node.turnstile.pieces == 1
    assert len({id(client.transport.writes[0]) for client in clients}) == 1


def test_a_shared_piece_holds_no_targeted_event() -> None:
    """Of two streams of one group each gets only what its own identity may have."""
    network = Network()
    ids = [network.publish("a", [GROUP] if n % 2 else None) for n in range(20)]
    strangers = [network.client("a") for _ in range(2)]
    owner = network.client("a", owns=[GROUP])
    for client in (strangers[0], owner, strangers[1]):
        client.open(Oldest())
    network.run()
    assert owner.ids == ids
    assert [client.ids for client in strangers] == [ids[::2]] * 2
    assert network.node.turnstile.pieces == 1


def test_no_more_pieces_are_kept_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces for more groups than are kept are read again, and everybody still gets the right ones."""
    monkeypatch.setattr(turnstile, "SHARED_BYTES", 4096)
    network = Network()
    ids = {f"t{n}": network.publish(f"t{n}") for n in range(200)}
    clients = {topic: network.client(topic) for topic in ids}
    for client in clients.values():
        client.open(Oldest())
    network.run()
    assert {topic: client.ids for topic, client in clients.items()} == {topic: [i] for topic, i in ids.items()}


def test_who_polls_gets_no_piece_that_ends_beyond() -> None:
    """A stream without end has passed over what came after the poll began; the poll ends where it should."""
    network = Network()
    for _ in range(BLOCK * 2):
        network.publish("other")
    endless, polling = network.client("a"), network.client("a")
    polling.open(Oldest(), poll=True)
    head = network.node.head
    for _ in range(BLOCK * 2):
        network.publish("other")
    endless.open(Oldest())
    network.run()
    assert polling.stream.ended == "complete"
    assert polling.stream.pos == head.position
    assert endless.stream.pos == network.node.head.position


def test_a_slow_reader_gets_pieces_as_it_takes_them() -> None:
    """What waits in its connection is bounded, whatever there is to read, and nothing is lost."""
    network = Network()
    ids = [network.publish(data=b"1" * 10_000) for _ in range(100)]
    client = network.client()
    client.transport.capacity = 0
    client.open(Oldest())
    most = 0
    for _ in range(200):
        network.run()
        most = max(most, client.transport.get_write_buffer_size())
        client.take(20_000)
    assert client.ids == ids
    assert most <= HIGH_WATER * 1.1
    assert client.stream.live


def test_what_was_trimmed_is_told_before_what_follows() -> None:
    """One gap, with the place it had and the place it goes on from, and then the oldest event held."""
    network = Network(HistoryLimits(count=3))
    ids = [network.publish() for _ in range(10)]
    client = network.client()
    client.open(After(EventId.parse(ids[1])))
    network.run()
    assert gaps(client) == [{"reason": "trimmed", "from": ids[1], "to": ids[6]}]
    assert client.received[0].last_event_id == ids[6]
    assert client.ids == ids[7:]
    assert network.node.turnstile.gaps == {"trimmed": 1}


def test_a_stream_that_is_overtaken_by_the_history_is_told() -> None:
    """Reading too slowly is no silent loss either."""
    network = Network(HistoryLimits(count=3))
    client = network.client()
    client.open(Live())
    network.run()
    client.transport.capacity = 0
    ids = []
    for _ in range(10):
        ids.append(network.publish(data=b"1" * 40_000))
        network.run()
    for _ in range(5):
        client.take()
        network.run()
    assert client.ids == [ids[0], *ids[7:]]
    (gap,) = gaps(client)
    assert (gap["reason"], gap["to"]) == ("trimmed", ids[6])
    after = EventId.parse(gap["from"] or "")
    assert after is not None
    assert position(1) <= after.position < position(2)


def test_a_gap_that_cannot_be_written_is_told_later() -> None:
    """While the connection is full nothing is told; then the gap first, with the place it is true for by then."""
    network = Network(HistoryLimits(count=3))
    ids = [network.publish() for _ in range(10)]
    client = network.client()
    client.transport.capacity = 0
    client.stream.write(b":" * (HIGH_WATER - 1) + b"\n")
    client.open(After(EventId.parse(ids[0])))
    network.run()
    assert client.stream.gap is not None
    assert client.notified
    ids += [network.publish() for _ in range(5)]
    client.take()
    network.run()
    assert gaps(client) == [{"reason": "trimmed", "from": ids[0], "to": ids[11]}]
    assert client.ids == ids[12:]


def test_an_ended_stream_is_let_through() -> None:
    """One that ended in the queue gets nothing, one that ended before does not enter, and nobody is held up."""
    network = Network()
    event_id = network.publish()
    gone, dead, well = network.client(), network.client(), network.client()
    for client in (gone, dead, well):
        client.open(Oldest())
    gone.stream.end("client-gone")
    dead.transport.broken = OSError()
    network.run()
    network.node.turnstile.enter(gone.stream)
    assert len(network.node.turnstile) == 0
    assert not gone.transport.writes
    assert dead.stream.ended == "client-gone"
    assert well.ids == [event_id]


def test_what_nobody_asked_for_is_passed_over() -> None:
    """A stream whom nothing in a long history concerns is live after one look at what occurs in its blocks."""
    network = Network()
    for _ in range(BLOCK * 20):
        network.publish("other")
    quiet, served = network.client("a"), network.client("a", "b")
    quiet.open(Oldest())
    last = network.publish("b")
    network.run()
    served.open(Oldest())
    network.run()
    assert (quiet.stream.live, quiet.stream.pos, quiet.transport.taken) == (True, network.node.head.position, b"")
    assert served.ids == [last]
    assert network.node.turnstile.pieces == 3, "a long one that holds nothing for each, and the last block"


def test_only_who_had_fallen_behind_catches_up() -> None:
    """A stream that becomes live for the first time does not count, and each return does."""
    network = Network()
    client = network.client("a")
    client.open(Live())
    network.run()
    assert network.node.turnstile.catch_ups == 0
    for _ in range(2):
        network.node.hub.fall_behind(client.stream)
        network.publish()
        network.run()
    assert client.stream.live
    assert client.stream.times_behind == network.node.turnstile.catch_ups == 2
