from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.commands.top.document import overview
from sse_signals.commands.top.members import MOST, Unreadable
from sse_signals.commands.top.quantities import clock
from sse_signals.life import shapes
from tests.commands.top import overviews as told

if TYPE_CHECKING:
    from collections.abc import Callable

REASONS = {str(number): number for number in range(101)}
WHOLE = told.overview(streams=[told.stream(1)], closed=[told.closed(2)])


def test_what_a_hub_says_becomes_plain_values() -> None:
    """Times are seconds since 1970, topics one text, and a reason is how a closed stream stands."""
    found = overview(
        told.overview(
            streams=[
                told.stream(
                    1, topics=["a", "b:*"], moreTopics=3, lag={"records": 7, "seconds": 1.5}, buffered=9, state="behind"
                )
            ],
            closed=[told.closed(2, subject=None, remote=None, reason="send-timeout")],
            incomplete="A node has not answered.",
        )
    )
    assert (found.time, found.node, found.incomplete) == (told.NOON, told.NODE, "A node has not answered.")
    (node,) = found.nodes
    assert (node.name, node.time, node.started, node.state) == (told.NODE, told.NOON, told.NOON - 7500, "ready")
    assert (node.open, node.behind, node.opened, node.closed["shutdown"], node.refused) == (2, 1, 230, 18, {})
    assert (node.signals, node.held, node.held_size, node.oldest) == (1234, 1000, 123_456, told.NOON - 3500)
    (stream,) = found.streams
    assert (stream.topics, stream.records, stream.seconds, stream.buffered) == ("a, b:* and 3 more", 7, 1.5, 9)
    assert (stream.state, stream.subject, stream.remote, stream.age) == (
        "behind",
        "user:default/ann1",
        "192.0.2.7",
        100,
    )
    (gone,) = found.closed
    assert (gone.state, gone.subject, gone.remote, gone.closed) == ("send-timeout", None, "", told.NOON - 3)


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({"ready": False}, "not ready"),
        ({"draining": True}, "draining"),
        ({"draining": True, "ready": False}, "draining"),
    ],
)
def test_a_node_is_in_one_state(more: dict[str, Any], state: str) -> None:
    """A node that is about to end says so, whatever else it is."""
    assert overview(told.overview(nodes=[told.node(**more)])).nodes[0].state == state


def test_what_is_added_later_is_passed_over_and_nothing_may_be_there_at_all() -> None:
    """Unknown members do no harm, and a hub without nodes, streams or history is one."""
    empty = told.node(history={"held": 0, "bytes": 0, "oldest": None})
    assert overview({**told.overview(nodes=[empty]), "more": [1]}).nodes[0].oldest is None
    assert not overview(told.overview(nodes=[])).nodes


def _at(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what puts a value at a place of a document."""

    def put(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = value

    return put


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_at("time", value="noon"), "time of the answer is no time"),
        (_at("time", value=12), "time of the answer is no text"),
        (_at("time", value="0001-01-01T00:00:00+23:59"), "time of the answer is no time from 1970 to 9999"),
        (_at("time", value="1969-12-31T23:59:59.999Z"), "time of the answer is no time from 1970 to 9999"),
        (_at("time", value="9999-12-31T23:59:59-23:59"), "time of the answer is no time from 1970 to 9999"),
        (_at("nodes", value=[{}] * 1001), "nodes of the answer is a list of more than 1000"),
        (_at("streams", value=[{}] * 1001), "streams of the answer is a list of more than 1000"),
        (_at("closed", value=[{}] * 1001), "closed of the answer is a list of more than 1000"),
        (_at("streams", 0, "topics", value=["a"] * 101), "topics of streams 1 is a list of more than 100"),
        (_at("nodes", 0, "streams", "closed", value=REASONS), "closed of streams of nodes 1 is an object with more"),
        (_at("nodes", 0, "streams", "refused", value=REASONS), "refused of streams of nodes 1 is an object with more"),
        (_at("node", value=None), "node of the answer is no text"),
        (_at("nodes", value={}), "nodes of the answer is no list"),
        (_at("nodes", 0, value=7), "nodes 1 is no object"),
        (_at("nodes", 0, "ready", value="yes"), "ready of nodes 1 is neither true nor false"),
        (_at("nodes", 0, "streams", value=[]), "streams of nodes 1 is no object"),
        (_at("nodes", 0, "streams", "open", value=-1), "open of streams of nodes 1 is no count"),
        (_at("nodes", 0, "streams", "open", value=True), "open of streams of nodes 1 is no count"),
        (_at("nodes", 0, "streams", "open", value=1.5), "open of streams of nodes 1 is no count"),
        (_at("nodes", 0, "traffic", "bytes", value=MOST), "bytes of traffic of nodes 1 is no count"),
        (_at("nodes", 0, "streams", "closed", value=[]), "closed of streams of nodes 1 is no object"),
        (_at("nodes", 0, "streams", "closed", "x", value="1"), "closed of streams of nodes 1 is no count"),
        (_at("streams", 0, "age", value="1"), "age of streams 1 is no number"),
        (_at("streams", 0, "age", value=True), "age of streams 1 is no number"),
        (_at("streams", 0, "age", value=float("inf")), "age of streams 1 is no number"),
        (_at("streams", 0, "topics", value=[1]), "topics of streams 1 is no text"),
        (_at("streams", 0, "lag", value=None), "lag of streams 1 is no object"),
        (_at("closed", 0, "reason", value=None), "reason of closed 1 is no text"),
    ],
)
def test_what_is_no_overview_is_told_where(change: Callable[[dict[str, Any]], None], said: str) -> None:
    """A hub may be of another version, or somebody else: the text names the member, and none of its content."""
    document = copy.deepcopy(WHOLE)
    change(document)
    with pytest.raises(Unreadable, match=f"^{said}"):
        overview(document)


def test_what_is_odd_is_bounded() -> None:
    """A time before the start counts as none, a text that goes on is cut, a time without a zone is UTC."""
    document = told.overview(time="2026-11-29T12:00:00", streams=[told.stream(age=-3, remote="x" * 5000)])
    document["nodes"][0]["streams"]["refused"] = {"y" * 5000: 1}
    found = overview(document)
    assert found.time == told.NOON
    assert (found.streams[0].age, len(found.streams[0].remote)) == (0.0, 1000)
    assert found.nodes[0].refused == {"y" * 1000: 1}


def test_as_much_as_a_hub_tells_is_read() -> None:
    """Its greatest limit of streams, each of eight topics, and as many nodes and reasons as nodes tell each other."""
    node = told.node()
    node["streams"]["closed"] = {str(number): number for number in range(100)}
    streams = [told.stream(number, topics=["t"] * 8) for number in range(1000)]
    found = overview(told.overview(nodes=[node] * 1000, streams=streams, closed=[told.closed()] * 1000))
    assert (len(found.nodes), len(found.streams), len(found.closed)) == (1000, 1000, 1000)


@pytest.mark.parametrize(
    ("time", "shown"),
    [("1970-01-01T00:00:00.000Z", "00:00:00Z"), ("9999-12-31T23:59:59.999Z", "23:59:59Z")],
)
def test_each_time_that_nodes_tell_each_other_can_be_shown(time: str, shown: str) -> None:
    """So that what one node says cannot blind those who look at all of them."""
    assert shapes.time(time) == time
    assert clock(overview(told.overview(time=time)).time) == shown


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4))
def test_nothing_but_an_overview_is_read(value: Any) -> None:
    """Any other JSON value is refused in the same way, wherever it stands."""
    for path in ((), ("nodes", 0), ("streams", 0), ("closed", 0), ("nodes", 0, "history"), ("streams", 0, "lag")):
        document: Any = copy.deepcopy(WHOLE)
        if path:
            _at(*path, value=value)(document)
        with pytest.raises(Unreadable):
            overview(document if path else value)
