from __future__ import annotations

import orjson
import pytest

from sse_signals.cursor.start import After, Found, Live, Oldest
from sse_signals.model import EventId, HistoryLimits, Signal, Tail, position
from sse_signals.wire.frames import event
from tests.fakes import EPOCH, Client, Network

OTHER = "zyxwvuts"


def told(client: Client) -> list[tuple[str, str | None, str]]:
    """Return the gaps a client was told of."""
    data = [orjson.loads(message.data) for message in client.received if message.event == "signals.gap"]
    return [(gap["reason"], gap["from"], gap["to"]) for gap in data]


def test_a_node_starts_with_the_tail_of_the_log() -> None:
    """It holds what the log held, and goes on from there."""
    network = Network(floor=41)
    assert str(network.node.head) == f"{EPOCH}-41"
    events = [network.make() for _ in range(3)]
    network.node.load(Tail(EventId(EPOCH, position(41)), events))
    assert network.node.head.position == network.node.hub.head == events[-1].position
    client = network.client()
    client.open(Oldest())
    network.run()
    assert client.ids == [e.id for e in events]


def test_history_and_hub_are_never_apart() -> None:
    """What is routed is held, and what is held is routed, within one tick."""
    network = Network()
    network.node.take([network.make() for _ in range(5)])
    assert network.node.history.head == network.node.hub.head == network.node.head.position


def test_a_hole_in_the_log_is_told_to_everybody() -> None:
    """Live or behind, nobody gets what follows before the gap, and nobody loses what came before it."""
    network = Network()
    live, behind = network.client(), network.client()
    live.open(Live())
    network.run()
    before = [network.publish(), network.publish()]
    behind.open(Oldest())
    network.record += 5
    after = network.publish()
    network.run()
    assert network.node.holes == 1
    assert live.ids == [*before, after]
    assert told(live) == [("trimmed", before[1], f"{EPOCH}-7.1023")]
    assert behind.ids == [after]
    assert told(behind) == [("trimmed", f"{EPOCH}-0", f"{EPOCH}-7.1023")]


def test_a_hole_inside_a_record_is_one_too() -> None:
    """An event that is not the next of its record does not pass for it."""
    network = Network()
    client = network.client()
    client.open(Live())
    network.run()
    network.node.take([event(EventId(EPOCH, position(1, index)), 1, Signal(b"1")) for index in (0, 2)])
    network.run()
    assert told(client) == [("trimmed", f"{EPOCH}-1", f"{EPOCH}-1.1")]
    assert client.ids == [f"{EPOCH}-1", f"{EPOCH}-1.2"]


def test_a_new_log_is_told_with_the_place_in_the_old_one() -> None:
    """A log that was lost: every stream is told so, and goes on in the new one; a poll ends there."""
    network = Network()
    live, poll = network.client(), network.client()
    live.open(Live())
    network.run()
    old = network.publish()
    network.run()
    poll.open(Oldest(), poll=True)
    network.node.take([event(EventId(OTHER, position(1)), 1, Signal(b"2"))])
    network.run()
    assert live.ids == [old, f"{OTHER}-1"]
    assert told(live) == [("epoch", old, f"{OTHER}-0.1023")]
    assert told(poll) == [("epoch", f"{EPOCH}-0", f"{OTHER}-0.1023")]
    assert poll.stream.ended == "complete"
    assert poll.ids == []


def test_a_log_that_went_backwards_is_a_new_log() -> None:
    """After a failover positions may come again: nobody takes the new events for ones they have."""
    network = Network()
    client = network.client()
    client.open(Live())
    network.run()
    for _ in range(5):
        network.publish()
    network.run()
    network.record = 2
    again = network.publish()
    network.run()
    assert client.ids[-1] == again == f"{EPOCH}-3"
    assert [reason for reason, _, _ in told(client)] == ["epoch"]


def test_two_gaps_are_told_as_one() -> None:
    """A stream that had not been told of one gap when the next came is told once, with the place it really had."""
    network = Network(HistoryLimits(count=2))
    ids = [network.publish() for _ in range(5)]
    client = network.client()
    client.open(After(EventId.parse(ids[0])))
    network.node.take([event(EventId(OTHER, position(9)), 1, Signal(b"2"))])
    network.run()
    assert told(client) == [("epoch", ids[0], f"{OTHER}-8.1023")]
    assert client.ids == [f"{OTHER}-9"]


def test_a_stream_ahead_of_its_node_waits_for_it() -> None:
    """It gets nothing up to the id it came with, and everything after it."""
    network = Network()
    network.publish()
    client = network.client()
    known = EventId(EPOCH, position(3))
    how = client.open(After(known), Found(log_head=known))
    assert how.recovered
    network.run()
    ids = [network.publish() for _ in range(4)]
    network.run()
    assert client.ids == ids[2:]
    assert not client.controls


class FailsOnce(str):
    """An address whose first look-up fails."""

    __slots__ = ("failed",)

    def __hash__(self) -> int:
        if not hasattr(self, "failed"):
            self.failed = True
            raise ZeroDivisionError
        return super().__hash__()


def test_events_that_fail_to_be_taken_disturb_no_stream() -> None:
    """An error reaches whoever follows the log; live streams read the history, and nothing is lost."""
    network = Network()
    client = network.client()
    client.open(Live())
    network.run()
    ids = [network.publish()]
    broken = network.make(FailsOnce("a"))
    with pytest.raises(ZeroDivisionError):
        network.node.take([broken])
    network.run()
    ids += [broken.id, network.publish()]
    network.run()
    assert client.ids == ids
    assert client.stream.live
