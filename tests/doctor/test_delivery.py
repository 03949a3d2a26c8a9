"""What facts mean: whether streams are held back, packed, changed or shared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.doctor.exchange import Head
from sse_signals.doctor.facts import Arrival, Published
from tests.doctor.facts import OK, answer, beat, message, names, nothing, polled, published, receipt, stream, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKED = Head(200, (*OK.fields, ("content-encoding", "gzip")))


def busy(late: float, *, until: int = 20) -> Any:
    """Return a busy stream on which all signals come too late by as much."""
    return (stream(receipt(), *(message(number, number + late) for number in range(1, until))),)


def test_nothing_to_find() -> None:
    """Behind nothing everything is fine, and says so with figures."""
    good = verdict()
    assert not good.findings
    assert not good.unchecked
    assert not good.bad
    assert [fine.name for fine in good.fine] == [
        "buffering", "compression", "cached", "time-limits", "cors", "six-connections", "stream-limit", "resume",
        "body-limit", "clock",
    ]  # fmt: skip
    assert good.fine[0].text == "streams are not buffered: receipt after 10 ms, 29 signals within 10 ms"


HELD = [
    # neither stream begins, although answers come at once
    ({"first": nothing(), "quiet": (nothing(),), "busy": (nothing(),)}, "did not come within 35.0 s"),
    ({"quiet": (stream(receipt(8.0)),), "busy": (stream(receipt(9.0)),)}, "came only after 8.0 s"),
    # it begins, but signals are held, or never come
    ({"busy": busy(3.0)}, "29 of them came 3.0 s (median; at most 15.0 s)"),
    ({"busy": (stream(),)}, "or not at all"),
    # nobody may publish: heartbeats have to tell
    ({"busy": (), "signals": (), "quiet": (stream(receipt()),)}, "No heartbeat came within 35.0 s"),
    ({"busy": (), "signals": (), "quiet": (stream(receipt(), *map(beat, (30, 30.1, 30.2, 34, 34.1))),)}, "4 of 5"),
]


@pytest.mark.parametrize(("changes", "text"), HELD)
def test_buffering(changes: dict[str, Any], text: str) -> None:
    """A stream of which anything is held is buffered, and the figures say what and for how long."""
    found = verdict(**changes)
    assert names(found) == ["buffering"]
    assert text in found.findings[0].seen
    assert found.findings[0].severity == "fault"
    assert "buffering" not in [fine.name for fine in found.fine]


NOT_HELD = [
    # only one of two receipts is late
    {"quiet": (stream(receipt(8.0), beat(20.0)),)},
    # everything is slow, since the network or the machine is
    {"quiet": (stream(receipt(8.0), beat(20.0)),), "busy": busy(9.0), "polls": (answer(after=1.0),), "signals": ()},
    # less than a tenth as slow as short answers
    {"busy": busy(0.4)},
    # a single late signal among many
    {"busy": (stream(receipt(), message(1, 1.0), message(2, 2.0), message(3, 3.1)),), "signals": published(1, 2, 3)},
    # one that was published at the very end has not come yet
    {"busy": (stream(receipt(), message(33, 33.0)),), "signals": published(33, 34)},
    # what came was not the examination's
    {"quiet": (stream(receipt(), Arrival(3.0, "message", '{"message": "x"}'), beat(10.0)),)},
]


@pytest.mark.parametrize("changes", NOT_HELD)
def test_no_buffering(changes: dict[str, Any]) -> None:
    """What is slow because all is, or once, is no buffering."""
    assert not names(verdict(**changes))


def test_doubtful_buffering() -> None:
    """One late signal, or an open stream where all is slow, is not called buffering, and not fine either."""
    late = (stream(receipt(), message(1, 1.0), message(2, 2.0), message(3, 9.0)),)
    for changes in (
        {"busy": late, "signals": published(1, 2, 3)},
        {"quiet": (nothing(),), "busy": (nothing(),), "polls": (answer(after=4.0),), "signals": ()},
    ):
        found = verdict(**changes)
        assert not names(found)
        assert "buffering" in [one.name for one in found.unchecked]


def test_heartbeats_are_named_where_nobody_may_publish() -> None:
    """Without signals the heartbeats are what was looked at."""
    found = verdict(busy=(), signals=(), unpublished=answer(403, {"type": "urn:sse-signals:problem:not-granted"}))
    assert found.fine[0].text.endswith(", heartbeats as they are due")


def test_compression() -> None:
    """A packed stream is a warning where it comes at once, and a fault where it does not."""
    found = verdict(first=stream(head=PACKED))
    assert [(one.name, one.severity) for one in found.findings] == [("compression", "warning")]
    for held in (nothing(head=PACKED), stream(beat(3.0), head=PACKED)):
        assert [(one.name, one.severity) for one in verdict(first=held).findings] == [("compression", "fault")]
    unknown = Head(200, (*OK.fields, ("content-encoding", "br")))
    assert verdict(first=stream(beat(1.0), head=unknown)).findings[0].severity == "warning"


def test_a_stream_that_is_cut_before_anything_came() -> None:
    """What was held until the cut was held, and its limit is nobody's to tell; what never began was not."""
    held = nothing(head=OK, ended=9.0)
    found = verdict(first=held, quiet=(held, held), busy=(held, held), crowd=(), signals=())
    assert names(found) == ["buffering"]
    assert "did not come within 9.0 s" in found.findings[0].seen
    shut = nothing(head=Head(503), ended=9.0)
    assert "buffering" not in names(verdict(first=shut, quiet=(shut,), busy=(shut,), crowd=(), signals=()))


def test_a_packed_stream_that_comes_late() -> None:
    """It is not said to come at once, nor that it is the packing that holds it."""
    packed = stream(receipt(9.9), head=PACKED)
    found = verdict(first=packed, quiet=(packed,), busy=(stream(receipt(9.9)),), signals=())
    assert [(one.name, one.severity) for one in found.findings] == [("buffering", "fault"), ("compression", "warning")]
    assert found.findings[1].seen.endswith("; its beginning came only after 9.9 s.")
    assert "at once" in verdict(first=stream(head=PACKED)).findings[0].seen


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("no-cache", "has lost no-store and no-transform: it is 'no-cache'"),
        ("NO-STORE", "has lost no-transform: it is 'NO-STORE'"),
        ("", "has lost no-store and no-transform: there is none"),
    ],
)
def test_cache_control(said: str, text: str) -> None:
    """What the hub says about caches and transformations has to arrive."""
    head = Head(200, (OK.fields[0], *((("cache-control", said),) if said else ())))
    found = verdict(quiet=(stream(head=head),))
    assert names(found) == ["cache-control"]
    assert text in found.findings[0].seen


def test_cached() -> None:
    """Two receipts of one stream are one answer given twice; what such answers say is not believed."""
    found = verdict(entrance=polled(stream="one"), resume=polled(stream="one"))
    assert names(found) == ["cached"]
    assert {one.name for one in found.unchecked} == {"cors", "resume"}


def test_signals_that_are_lost() -> None:
    """A signal that never came, though later ones did, is not late but lost; so is one that is not replayed."""
    some = stream(receipt(), *(message(number, number + 0.1) for number in (1, 2, 4, 5)))
    found = verdict(busy=(some,), signals=published(1, 2, 3, 4, 5))
    assert names(found) == ["signals-lost"]
    assert re.search(r"1 \(the first is number 4\)", found.findings[0].seen)
    replay = polled(message(2, 0), recovered=True)
    found = verdict(signals=published(1, 2), replay=(0, replay), busy=busy(0.0))
    assert names(found) == []


def test_a_stream_that_is_asked_for_after_a_signal_need_not_show_it() -> None:
    """Signals count only on streams that were there."""
    late = Published(1, answer(202, {"id": "e-1"}, asked=1.0))
    assert not names(verdict(busy=(stream(asked=5.0),), signals=(late,)))


class Counted(tuple[Arrival, ...]):
    """Arrivals that count how often they are gone through."""

    __slots__ = ()
    times = 0

    def __iter__(self) -> Iterator[Arrival]:
        """Count."""
        type(self).times += 1
        return super().__iter__()


def test_long_watches() -> None:
    """What came is gone through as often for many signals as for few, or an hour's watch would never end."""
    times = []
    for count in (10, 1000):
        Counted.times = 0
        signals = published(*range(1, count))
        come = Counted((receipt(), *(message(one.number, one.number + 0.01) for one in signals)))
        assert not names(verdict(busy=(stream(arrivals=come, watched=count + 1.0),), signals=signals))
        times.append(Counted.times)
    assert times[0] == times[1]


def test_heartbeats_that_are_too_rare_to_be_seen() -> None:
    """Where the watch was shorter than a heartbeat, that is said."""
    found = verdict(entrance=polled(heartbeat=3600))
    assert not names(found)
    assert ("heartbeats", "the hub sends one every 3600 s, and it was watched for 35.0 s (--for)") in [
        (one.name, one.reason) for one in found.unchecked
    ]
    for changes in ({}, {"interrupted": True, "entrance": polled(heartbeat=3600)}):
        assert "heartbeats" not in [one.name for one in verdict(**changes).unchecked]
