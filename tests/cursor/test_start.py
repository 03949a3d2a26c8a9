from __future__ import annotations

import pytest

from sse_signals.cursor.start import NOTHING, After, Found, Live, Newest, Oldest, Opening, Since, Start, ahead, opening
from sse_signals.history import History
from sse_signals.model import EventId, Gap, GapReason, HistoryLimits, Signal, position
from sse_signals.wire.frames import event

EPOCH = "abcdefgh"


def at(record: int, epoch: str = EPOCH) -> EventId:
    """Return the id of a record."""
    return EventId(epoch, position(record))


@pytest.fixture
def history() -> History:
    """Records 4 to 6 of a log, at 4, 5 and 6 seconds; what came before is trimmed."""
    held = History(HistoryLimits(count=3), at(0))
    for record in range(1, 7):
        held.append(event(at(record), record * 1000, Signal(b"1")))
    return held


def going_on(record: int, *, recovered: bool | None = None) -> Opening:
    """Return how a stream begins that has no hole."""
    return Opening(at(record).position, None, recovered, at(record))


@pytest.mark.parametrize(
    ("start", "how"),
    [
        (Live(), going_on(6)),
        (Oldest(), going_on(3)),
        (Since(4000), going_on(3)),
        (Since(3001), going_on(3)),
        (Since(4001), going_on(4)),
        (Since(6000), going_on(5)),
        (Since(6001), going_on(6)),
        (Since(10**15), going_on(6)),
        (Since(3000), Opening(at(3).position, Gap(GapReason.TRIMMED, None), None, None)),
        (Since(0), Opening(at(3).position, Gap(GapReason.TRIMMED, None), None, None)),
        (After(at(6)), going_on(6, recovered=True)),
        (After(at(4)), going_on(4, recovered=True)),
        (After(at(3)), going_on(3, recovered=True)),
        (After(at(2)), Opening(at(3).position, Gap(GapReason.TRIMMED, at(2)), False, at(2))),
        (After(at(0)), Opening(at(3).position, Gap(GapReason.TRIMMED, at(0)), False, at(0))),
        (
            After(at(5, "zyxwvuts")),
            Opening(at(3).position, Gap(GapReason.EPOCH, at(5, "zyxwvuts")), False, at(5, "zyxwvuts")),
        ),
        (After(None), Opening(at(6).position, Gap(GapReason.UNKNOWN_ID, None), False, None)),
        (After(at(7)), Opening(at(6).position, Gap(GapReason.UNKNOWN_ID, at(7)), False, at(7))),
    ],
)
def test_where_a_stream_starts(history: History, start: Start, how: Opening) -> None:
    """Each start has its place, and where something is missing its gap; an id that hides a gap is never given."""
    assert opening(history, start, NOTHING) == how


@pytest.mark.parametrize(
    ("log_head", "known"),
    [(at(9), True), (at(8), True), (at(7), False), (at(9, "zyxwvuts"), False), (None, False)],
)
def test_an_id_ahead_of_this_node_is_good_if_the_log_knows_it(
    history: History, log_head: EventId | None, known: bool
) -> None:
    """A stream may come with what a publish just returned, or from a node that is faster: the log decides."""
    assert ahead(history, After(at(8)))
    how = opening(history, After(at(8)), Found(log_head=log_head))
    gap = Opening(at(6).position, Gap(GapReason.UNKNOWN_ID, at(8)), False, at(8))
    assert how == (going_on(8, recovered=True) if known else gap)


@pytest.mark.parametrize("start", [Live(), After(None), After(at(6)), After(at(2)), After(at(9, "zyxwvuts"))])
def test_only_an_id_ahead_needs_the_log(history: History, start: Start) -> None:
    """What this node can tell by itself costs nobody a question."""
    assert not ahead(history, start)


def test_the_newest_start_where_they_were_found(history: History) -> None:
    """Unless the history was trimmed meanwhile, or the log was lost."""
    assert opening(history, Newest(2), Found(newest_from=at(4))) == going_on(4)
    assert opening(history, Newest(9), Found(newest_from=at(1))) == going_on(3)
    assert opening(history, Newest(2), Found(newest_from=EventId("another1", at(4).position))) == going_on(3)


def test_a_log_that_is_held_from_its_beginning_has_no_gap() -> None:
    """Since any time, however long ago, is complete while nothing was ever trimmed."""
    whole = History(HistoryLimits(), at(0))
    assert opening(whole, Since(1), NOTHING).gap is None
    whole.append(event(at(1), 5000, Signal(b"1")))
    assert opening(whole, Since(1), NOTHING) == going_on(0)
