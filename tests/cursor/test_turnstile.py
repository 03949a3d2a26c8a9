from __future__ import annotations

import orjson
import pytest

from sse_signals.cursor import turnstile
from sse_signals.cursor.start import After, Live, Oldest
from sse_signals.cursor.turnstile import SHORT, TURN
from sse_signals.history import BLOCK
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.model import EventId, HistoryLimits, position
from sse_signals.wire.formats import SSE
from tests.fakes import EPOCH, Client, Network

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
    assert network.node.turnstile.gaps == 1


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
