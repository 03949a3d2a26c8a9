"""A log that lost its newest records: who is told of it, and where everybody goes on."""

from __future__ import annotations

import pytest

from sse_signals.cursor.start import NOTHING, After, Found, Live, Newest, Oldest, Opening, ahead, foreign, opening
from sse_signals.history import History
from sse_signals.lineage import Lineage
from sse_signals.model import INDEX_MASK, EventId, Fork, Gap, GapReason, HistoryLimits, Signal, Tail, position
from sse_signals.wire.frames import event
from tests.cursor.test_node import told
from tests.fakes import EPOCH, Client, Network

OTHER, THIRD = "zyxwvuts", "third000"


def end(record: int) -> int:
    """Return the last place of a record."""
    return position(record) | INDEX_MASK


def fork(network: Network, last: int, epoch: str = OTHER) -> None:
    """Have the node hear that everything after a record is lost."""
    lineage = network.node.history.lineage.fork(epoch, end(last))
    network.node.fork(Fork.to(lineage, min(network.node.head.position, end(last))))


def take(network: Network, record: int, epoch: str = OTHER) -> str:
    """Have the node take a record; return its id."""
    made = event(EventId(epoch, position(record)), 1, Signal(b"1", "a"))
    network.node.take([made])
    return made.id


@pytest.fixture
def network() -> Network:
    """A node that has read five records."""
    made = Network()
    for _ in range(5):
        made.publish("a")
    return made


def opened(network: Network, start: Live | Oldest | After, *filters: str, found: Found | None = None) -> Client:
    """Return a client that is open, and live if nothing hinders it."""
    client = network.client(*filters)
    client.open(start, found)
    network.run()
    return client


def test_who_has_read_what_is_lost_is_told_and_goes_on_after_the_fork(network: Network) -> None:
    """It gets what takes the place of the lost records, and nothing twice."""
    client = opened(network, Oldest())
    fork(network, 3)
    new = [take(network, 4), take(network, 5)]
    network.run()
    assert told(client) == [("epoch", f"{EPOCH}-5", f"{OTHER}-3")]
    assert client.ids == [*[f"{EPOCH}-{n}" for n in range(1, 6)], *new]
    assert network.node.holes == 1


def test_what_waits_to_be_written_is_written_before_the_news(network: Network) -> None:
    """A stream's place is then the last that it was told."""
    client = opened(network, Live())
    lost = network.publish("a")
    fork(network, 5)
    network.run()
    assert client.ids == [lost]
    assert told(client) == [("epoch", lost, f"{OTHER}-5")]


def test_who_was_told_of_nothing_that_is_lost_goes_on_as_if_nothing_had_happened(network: Network) -> None:
    """Live all the time: nobody is troubled with records that did not concern them."""
    quiet = opened(network, Live(), "b")
    network.publish("a")
    fork(network, 5)
    assert quiet.stream.live
    network.node.take([event(EventId(OTHER, position(6)), 1, Signal(b"1", "b"))])
    network.run()
    assert told(quiet) == []
    assert quiet.ids == [f"{OTHER}-6"]


def test_a_node_that_had_not_read_so_far_tells_nobody(network: Network) -> None:
    """It reads on up to the fork and beyond, and each event keeps its own epoch."""
    client = opened(network, Live())
    fork(network, 6)
    assert network.node.holes == 0
    ids = [take(network, 6, EPOCH), take(network, 7)]
    network.run()
    assert client.ids == ids
    assert told(client) == []


def test_who_was_ahead_of_its_node_waits_for_the_place_of_the_fork(network: Network) -> None:
    """It is not given again what it has, though the node has yet to read it."""
    known = EventId(EPOCH, position(9))
    client = opened(network, After(known), found=Found(log_head=known))
    fork(network, 7)
    for record in (6, 7):
        take(network, record, EPOCH)
    new = take(network, 8)
    network.run()
    assert told(client) == [("epoch", str(known), f"{OTHER}-7.1023")]
    assert client.ids == [new]


def test_a_poll_ends_where_nothing_is_lost(network: Network) -> None:
    """Whether it had got what is lost or not; none waits for a place that will never be reached."""
    polls = [network.client(), network.client()]
    for poll in polls:
        poll.open(Oldest(), poll=True)
    polls[1].stream.pos = position(5)  # as if all had been written to it
    fork(network, 3)
    network.run()
    assert [poll.stream.ended for poll in polls] == ["complete", "complete"]
    assert polls[0].ids == [f"{EPOCH}-{n}" for n in range(1, 4)]
    assert told(polls[0]) == []
    assert told(polls[1]) == [("epoch", f"{EPOCH}-5", f"{OTHER}-3")]
    assert polls[0].received[-1].last_event_id == polls[1].received[-1].last_event_id == f"{OTHER}-3"


def test_old_news_change_nothing(network: Network) -> None:
    """A node hears of an epoch once."""
    client = opened(network, Live())
    fork(network, 3)
    network.run()
    network.node.fork(Fork.to(network.node.history.lineage, end(3)))
    network.run()
    assert (network.node.holes, len(told(client))) == (1, 1)


def test_a_log_that_has_nothing_to_do_with_the_one_before(network: Network) -> None:
    """Everybody is told, whatever they had, and goes on with the first event that is held there."""
    client = opened(network, Live(), "b", "c")
    network.node.fork(Fork.to(Lineage(OTHER).fork(THIRD, end(2)), end(7)))
    assert network.node.head == EventId(THIRD, end(7))
    network.node.take([event(EventId(THIRD, position(8)), 1, Signal(b"1", "c"))])
    network.run()
    assert told(client) == [("epoch", f"{EPOCH}-5", f"{THIRD}-7.1023")]
    assert client.ids == [f"{THIRD}-8"]
    assert network.node.history.lineage.shared(OTHER) == end(2)


def test_a_hole_after_a_fork_does_not_make_it_another_log(network: Network) -> None:
    """Streams stay where they are, and what is known of older epochs stays known."""
    client = opened(network, Live())
    fork(network, 5)
    take(network, 8)
    network.run()
    assert told(client) == [("trimmed", f"{OTHER}-5", f"{OTHER}-7.1023")]
    assert network.node.history.lineage.shared(EPOCH) == end(5)


# Where a stream starts after a fork.


def at(record: int, epoch: str = EPOCH) -> EventId:
    """Return the id of a record."""
    return EventId(epoch, position(record))


@pytest.fixture
def history() -> History:
    """Records 3 to 6 of a log that forked after record 5; what came before is trimmed."""
    held = History(HistoryLimits(count=4), at(0))
    for record in range(1, 8):
        held.append(event(at(record), record * 1000, Signal(b"1")))
    held.fork(held.lineage.fork(OTHER, end(5)), end(5))
    held.append(event(at(6, OTHER), 9000, Signal(b"1")))
    return held


def gap(place: int, reason: GapReason, after: EventId) -> Opening:
    """Return how a stream begins that has a hole."""
    return Opening(place, Gap(reason, after), recovered=False, event_id=after)


@pytest.mark.parametrize(
    ("event_id", "how"),
    [
        *[(each, Opening(each.position, None, recovered=True, event_id=each)) for each in (at(5), at(4), at(3))],
        *[(each, Opening(each.position, None, recovered=True, event_id=each)) for each in (at(6, OTHER), at(4, OTHER))],
        *[(each, gap(end(5), GapReason.EPOCH, each)) for each in (at(6), at(7), at(99))],
        (at(2), gap(position(3), GapReason.TRIMMED, at(2))),
        (at(2, OTHER), gap(position(3), GapReason.TRIMMED, at(2, OTHER))),
        (at(7, OTHER), gap(position(6), GapReason.UNKNOWN_ID, at(7, OTHER))),
        (at(4, THIRD), gap(position(3), GapReason.EPOCH, at(4, THIRD))),
    ],
)
def test_where_a_stream_resumes_after_a_fork(history: History, event_id: EventId, how: Opening) -> None:
    """Below the fork as ever; above it, after the fork; with an id of another log, with the oldest."""
    assert opening(history, After(event_id), NOTHING) == how


def test_a_fork_below_what_is_held_goes_on_with_the_oldest() -> None:
    """What is trimmed cannot be given."""
    older = History(HistoryLimits(count=2), at(0))
    older.load(Tail(at(9, THIRD), (), Lineage(OTHER).fork(THIRD, end(5))))
    assert opening(older, After(at(7, OTHER)), NOTHING) == gap(position(9), GapReason.EPOCH, at(7, OTHER))


def test_up_to_the_fork_an_id_needs_nobody_to_vouch_for_it() -> None:
    """The log has been there, or it could not have forked there: a node that is behind need not ask."""
    behind = History(HistoryLimits(), at(2))
    behind.fork(behind.lineage.fork(OTHER, end(5)), end(5))
    for known in (at(4), at(4, OTHER), EventId(OTHER, end(5))):
        assert not ahead(behind, After(known))
        assert opening(behind, After(known), NOTHING).recovered
    assert ahead(behind, After(at(6, OTHER)))
    assert not ahead(behind, After(at(6)))
    assert opening(behind, After(at(6)), NOTHING) == gap(end(5), GapReason.EPOCH, at(6))


def test_only_an_epoch_that_nobody_has_heard_of_is_foreign(history: History) -> None:
    """Another start, what is no id, and every epoch of this log, wherever in it, are not."""
    assert foreign(history, After(at(1, THIRD)))
    for start in (Live(), Newest(3), After(None), After(at(1)), After(at(99)), After(at(1, OTHER))):
        assert not foreign(history, start)


def test_the_newest_are_where_they_were_found_before_the_fork(history: History) -> None:
    """As far as that is not lost."""
    assert opening(history, Newest(2), Found(newest_from=at(4))).position == position(4)
    assert opening(history, Newest(2), Found(newest_from=at(6))).position == history.floor
