from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sse_signals.commands.top.document import overview
from sse_signals.commands.top.rates import Rates, Sample, document, sample
from tests.commands.top import overviews as told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.commands.top.document import Stream

OTHER = "77aa01bc"
NONE = Rates(signals=0, delivered=0, size=0, opened=0, closed=0, refused=0)


def samples(*said: dict[str, Any]) -> Sample:
    """Return the last of samples that follow each other."""
    found = None
    for each in said:
        found = sample(overview(each), found)
    assert found is not None
    return found


def counts(opened: int = 230, refused: int = 0, **closed: int) -> dict[str, Any]:
    """Return what a node counts of streams."""
    return {"open": 2, "behind": 0, "opened": opened, "closed": closed, "refused": {"full": refused} if refused else {}}


def test_nobody_can_tell_rates_from_one_look() -> None:
    """They are unknown then, and not zero."""
    found = samples(told.overview())
    assert found.total is None
    assert document(told.overview(), found)["rates"] is None


def test_rates_are_by_the_clock_of_the_node() -> None:
    """What changed is divided by the time that the node itself has seen pass."""
    first = told.node(at=0, streams=counts(230, gone=4))
    second = told.node(
        at=2,
        delivered=200,
        streams=counts(240, 6, gone=5, shutdown=8),
        traffic={"signals": 1334, "delivered": 200, "bytes": 5000},
    )
    found = samples(told.overview(at=0, nodes=[first]), told.overview(at=9, nodes=[second]))
    total = found.total
    assert total == found.rates[told.NODE]
    assert total is not None
    assert (total.signals, total.delivered, total.size) == (50, 100, 2500)
    assert (total.opened, total.closed, total.refused) == (5, 4.5, 3)
    assert total.closed_by == {"gone": 0.5, "shutdown": 4}


def test_all_nodes_follow_the_same_log() -> None:
    """Signals are counted by each of them, and so not added up; what they write to streams is."""
    first = told.overview(nodes=[told.node(), told.node(OTHER)])
    traffic = {"signals": 1334, "delivered": 50, "bytes": 500}
    streams = counts(gone=1)
    second = told.overview(
        nodes=[
            told.node(at=1, traffic=traffic, streams=streams),
            told.node(OTHER, at=2, traffic=traffic, streams=streams),
        ]
    )
    first["nodes"][0]["streams"] = first["nodes"][1]["streams"] = counts()
    total = samples(first, second).total
    assert total is not None
    assert (total.signals, total.delivered, total.size) == (100, 75, 750)
    assert total.closed_by == {"gone": 1.5}


def test_a_node_that_was_started_anew_begins_again() -> None:
    """No rate is negative: neither if it says when it started, nor if only its counters are less."""
    before = told.overview(nodes=[told.node(delivered=500), told.node(OTHER, delivered=500)])
    after = told.overview(
        nodes=[told.node(at=1, delivered=700, started=told.time(0.5)), told.node(OTHER, at=1, delivered=10)]
    )
    assert samples(before, after).total is None
    later = told.overview(
        nodes=[told.node(at=2, delivered=900, started=told.time(0.5)), told.node(OTHER, 2, delivered=20)]
    )
    total = samples(before, after, later).total
    assert total is not None
    assert total.delivered == 210


def test_a_node_that_has_said_nothing_new_keeps_its_rates() -> None:
    """Other nodes tell of themselves only now and then; what they say next is compared with what they said before."""
    said = [
        told.overview(nodes=[told.node(at=at, delivered=delivered)], streams=[told.stream(1, delivered=delivered)])
        for at, delivered in ((0, 0), (1, 100), (1, 100), (2, 400))
    ]
    third = samples(*said[:3])
    assert third.rates[told.NODE].delivered == 100
    assert third.deliveries == {f"{told.NODE}-{1:016x}": 100}
    assert samples(*said).rates[told.NODE].delivered == 300


def test_nodes_and_streams_that_come_and_go_have_no_rates() -> None:
    """Only what was there both times is compared; what is gone is not remembered."""
    first = told.overview(streams=[told.stream(1, delivered=10), told.stream(2)])
    second = told.overview(
        nodes=[told.node(at=2), told.node(OTHER, at=2)],
        streams=[told.stream(1, delivered=30), told.stream(3), told.stream(4, of=OTHER)],
    )
    found = samples(first, second)
    assert list(found.rates) == [told.NODE]
    assert found.deliveries == {f"{told.NODE}-{1:016x}": 10}
    assert samples(first, second, told.overview(nodes=[])).total is None


def test_a_stream_never_gives_back_what_it_was_written() -> None:
    """A hub that says otherwise makes no rate negative."""
    said = [told.overview(at=at, streams=[told.stream(delivered=delivered)]) for at, delivered in ((0, 9), (1, 3))]
    assert list(samples(*said).deliveries.values()) == [0]


def test_programs_get_the_hubs_own_words_and_the_rates() -> None:
    """Whatever the hub says is passed on, with one member more."""
    first = told.overview(streams=[told.stream(1, delivered=0)])
    second = {**told.overview(at=3, nodes=[told.node(at=3, delivered=100)], streams=[told.stream(1)]), "new": [1]}
    found = document(second, samples(first, second))
    rates = found.pop("rates")
    assert found == second
    assert rates.pop("nodes") == [{"node": told.NODE, **{k: v for k, v in rates.items() if k != "streams"}}]
    assert rates == {
        "signals": 0,
        "delivered": 33.333,
        "bytes": 3333.333,
        "opened": 0,
        "closed": {},
        "refused": 0,
        "streams": {f"{told.NODE}-{1:016x}": 3.333},
    }


class Once(tuple["Stream", ...]):  # noqa: SLOT001 - it counts
    """Streams that are gone through once, however many nodes there are."""

    gone_through = False

    def __iter__(self) -> Iterator[Stream]:
        assert not self.gone_through
        self.gone_through = True
        return super().__iter__()


class Known(dict[str, Any]):
    """Rates that are looked up by name, and never gone through."""

    def items(self) -> Any:
        raise AssertionError("this takes nodes times streams")


def test_the_time_that_rates_take_grows_with_nodes_and_streams_and_not_with_their_product() -> None:
    """A hub that tells of many of both cannot keep whoever looks from anything else."""
    nodes = [told.node(name) for name in (told.NODE, OTHER, "c", "d")]
    streams = [told.stream(1), told.stream(2, of=OTHER)]
    for at in (0.0, 1.0):
        before = samples(told.overview(nodes=nodes, streams=streams), told.overview(nodes=nodes, streams=streams))
        before = replace(before, overview=replace(before.overview, streams=Once(before.overview.streams)))
        before = replace(before, rates=Known({OTHER: NONE}), deliveries=Known({f"{OTHER}-{2:016x}": 7.0}))
        now = overview(
            told.overview(
                nodes=[told.node(name, at) for name in (told.NODE, OTHER, "c", "d")],
                streams=streams,
            )
        )
        found = sample(replace(now, streams=Once(now.streams)), before)
        assert len(found.rates) == (4 if at else 1)
        assert found.deliveries[f"{OTHER}-{2:016x}"] == (0.0 if at else 7.0)
