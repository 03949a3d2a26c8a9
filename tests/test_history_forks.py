"""A history of a log that lost its newest records and goes on with another epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.history import History
from sse_signals.lineage import MAX_FORKS, Lineage
from sse_signals.model import INDEX_MASK, Event, EventId, HistoryLimits, Signal, Tail, position
from sse_signals.wire.frames import event
from tests.test_history import EPOCH, LOOSE, history, make

OTHER = "zyxwvuts"


def held(one: History) -> list[Event]:
    """Return everything that a history holds."""
    return list(one.read(one.start, one.end))


def log(records: int, batch: int = 2) -> list[Event]:
    """Return so many records."""
    return [make(record, index, time_ms=record * 10) for record in range(1, records + 1) for index in range(batch)]


@given(records=st.integers(0, 12), count=st.integers(1, 30), kept=st.integers(0, 14), size=st.integers(300, 5000))
def test_what_is_lost_is_gone_and_the_rest_is_as_it_was(records: int, count: int, kept: int, size: int) -> None:
    """Whatever was trimmed before, and wherever the log was cut: it goes on there, in the new epoch only."""
    one = history(HistoryLimits(count, size, 10**9))
    for each in log(records):
        one.append(each)
    before, floor, floor_ms, end = held(one), one.floor, one.floor_ms, one.end
    last = position(kept) | INDEX_MASK
    remaining = [each for each in before if each.position <= last]
    one.fork(one.lineage.fork(OTHER, last), last)
    assert held(one) == remaining
    assert (one.epoch, one.floor, one.floor_ms) == (OTHER, min(floor, last), floor_ms)
    assert one.head == (remaining[-1].position if remaining else one.floor)
    assert one.size == sum(300 + len(each.frame) + len("topic") for each in remaining)
    assert one.start == (end if remaining != before else end - len(before)) or not before
    following = make((one.head >> 10) + 1, epoch=OTHER)
    if following.position <= last:  # this node had not read so far: what comes next was there before the fork
        one.append(make((one.head >> 10) + 1))
    else:
        with pytest.raises(ValueError, match="does not follow"):
            one.append(make((one.head >> 10) + 1))
        one.append(following)


def test_places_of_a_block_are_not_taken_for_what_they_were() -> None:
    """What was remembered of a block is forgotten with its events: the numbers begin anew."""
    one = history()
    for each in log(4):
        one.append(each)
    start = one.start
    assert one.addresses(start) == ("topic",)
    one.fork(one.lineage.fork(OTHER, position(2) | INDEX_MASK), position(2) | INDEX_MASK)
    assert one.start == start + 8
    one.append(event(EventId(OTHER, position(3)), 100, Signal(b"1", "other")))
    assert {address for n in range(one.start, one.end) for address in one.addresses(n)} == {"topic", "other"}
    assert one.find(position(2)) == one.start + 3
    assert not one.read(start, start + 8)


def test_time_goes_on_from_what_was_trimmed() -> None:
    """What was trimmed before the fork is still known to be missing."""
    one = history(HistoryLimits(4, 2**40, 10**9))
    for each in log(6):
        one.append(each)
    assert (one.complete_since(41), one.complete_since(40)) == (True, False)
    one.fork(one.lineage.fork(OTHER, position(5) | INDEX_MASK), position(5) | INDEX_MASK)
    assert (one.complete_since(41), one.complete_since(40)) == (True, False)


def test_a_tail_of_several_epochs_is_loaded() -> None:
    """A node that starts after a fork holds what came before it too, each event in its own epoch."""
    lineage = Lineage(EPOCH).fork(OTHER, position(2) | INDEX_MASK)
    events = [*log(2), make(3, epoch=OTHER)]
    one = History(LOOSE, EventId("", 0))
    one.load(Tail(EventId(OTHER, 0), events, lineage))
    assert held(one) == events
    assert (one.epoch, one.lineage) == (OTHER, lineage)
    with pytest.raises(ValueError, match="does not follow"):
        one.load(Tail(EventId(OTHER, 0), events))


def test_events_outlast_the_memory_of_their_epoch() -> None:
    """However often the log forks, what is held stays, though its epoch is no longer known."""
    one = history()
    for each in log(2):
        one.append(each)
    for number in range(MAX_FORKS + 5):
        epoch = f"epoch{number:03}"
        one.append(make(3, epoch=one.epoch))
        one.fork(one.lineage.fork(epoch, position(2) | INDEX_MASK), position(2) | INDEX_MASK)
    assert held(one) == log(2)
