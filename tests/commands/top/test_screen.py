from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.commands.plain import columns_of, plain
from sse_signals.commands.top.document import overview
from sse_signals.commands.top.rates import sample
from sse_signals.commands.top.screen import Scene, picture, snapshot
from sse_signals.commands.top.view import SORTS, View, pressed
from tests.commands.top import overviews as told

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
URL = "http://127.0.0.1:8080/signals"
NODES = [told.NODE, "77aa01bc", "f00dcafe"]
HOSTILE = "\x1b[2J\x9b31m\u202e\r\n\x7f\ud800"


def scene(*said: dict[str, Any], view: View = View(), **more: Any) -> Scene:  # noqa: B008 - it is frozen
    """Return what is shown of overviews that follow each other."""
    found = None
    for each in said:
        found = sample(overview(each), found)
    assert found is not None
    return Scene(URL, 1.0, found, view, **more)


def plainly(lines: list[str]) -> list[str]:
    """Return lines without their colours."""
    return [COLOUR.sub("", line).rstrip() for line in lines]


def shown(of: Scene, columns: int = 120, rows: int = 30) -> str:
    """Return a picture without its colours, after checking that it is as large as the terminal."""
    lines = plainly(picture(of, columns, rows))
    assert len(lines) == rows
    for line in lines:
        assert columns_of(line) <= columns
        assert plain(line) == line
    return "\n".join(lines)


def busy(at: float = 0.0, count: int = 40, nodes: list[str] = NODES) -> dict[str, Any]:
    """Return an overview of a hub where something goes on."""
    gone = {"gone": 200 + round(at), "shutdown": 18}
    streams = {"open": 20, "behind": 1, "opened": 230, "closed": gone, "refused": {"full": 2}}
    return told.overview(
        at,
        nodes=[
            told.node(name, at, delivered=round(at * 500), streams={**streams, "refused": {"full": 2}})
            for name in nodes
        ],
        streams=[
            told.stream(
                number,
                of=nodes[number % len(nodes)],
                state="live" if number else "behind",
                lag={"records": 0 if number else 12_345, "seconds": 0 if number else 75.0},
                buffered=number * 1000,
                delivered=round(at * number),
                age=(count - number) * 100.0,
            )
            for number in range(count)
        ],
        closed=[told.closed(number, of=nodes[0]) for number in range(count)],
    )


def test_a_usual_terminal() -> None:
    """Everything has its place, and columns line up."""
    found = shown(scene(busy(0, 4), busy(2, 4)), 80, 30)
    assert found == EIGHTY


EIGHTY = f"""\
sse-signals top  {URL}              12:00:02Z  every 1 s
60 streams · 3 behind · 3 nodes, up 2h 05m · history: 1,000 events, 58m 22s, 12…

Signals/s  Delivered/s   Bytes/s  Opened/s  Closed/s  Refused/s
        0        1,500    150 kB         0      3.00          0

Closed   gone 606 (+3.00/s) · shutdown 54
Refused  full 6

Node      State           Up     Open  Behind  Signals/s  Delivered/s   Bytes/s
3f2a9c01  ready       2h 05m       20       1          0          500   50.0 kB
77aa01bc  ready       2h 05m       20       1          0          500   50.0 kB
f00dcafe  ready       2h 05m       20       1          0          500   50.0 kB

Stream    Who         Topics         State      Lag  Buffered  Events/s      Age
…0000000  …ault/ann0  orders/*       behind  12,345       0 B         0   6m 40s
…0000001  …ault/ann1  orders/*       live         0   1.00 kB      1.00   5m 00s
…0000002  …ault/ann2  orders/*       live         0   2.00 kB      2.00   3m 20s
…0000003  …ault/ann3  orders/*       live         0   3.00 kB      3.00   1m 40s




    Ago  Reason        Stream    Who          Topics            Events  Open for
   3.0s  gone          …0000000  …fault/ann0  orders/*              10    1m 40s
   4.0s  gone          …0000001  …fault/ann1  orders/*              10    1m 40s
   5.0s  gone          …0000002  …fault/ann2  orders/*              10    1m 40s
   6.0s  gone          …0000003  …fault/ann3  orders/*              10    1m 40s

q quit  ? help  p pause  s by lag  n nodes"""


@pytest.mark.parametrize("columns", [1, 7, 20, 40, 80, 120, 200, 400])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 10, 16, 24, 60])
def test_any_terminal_is_filled_and_never_more(columns: int, rows: int) -> None:
    """No picture is wider or longer than the terminal, whatever is shown and wherever it comes from."""
    hostile = told.overview(
        node=HOSTILE,
        nodes=[told.node(HOSTILE, streams={**told.node()["streams"], "closed": {HOSTILE: 2**62}})],
        streams=[told.stream(of=HOSTILE, subject=HOSTILE, topics=[HOSTILE, "日本語" * 50], state=HOSTILE, age=1e300)],
        closed=[told.closed(of=HOSTILE, remote=HOSTILE, reason=HOSTILE)],
        incomplete=HOSTILE,
    )
    for of in (scene(busy(), busy(1)), scene(hostile), scene(told.overview(nodes=[]))):
        for view in (View(), View(help=True), View(paused=True, nodes=False, sort="age")):
            shown(replace(of, view=view), columns, rows)
            shown(replace(of, view=view, trouble=HOSTILE, since=told.NOON, now=told.NOON + 5), columns, rows)


def test_a_small_terminal_shows_streams_first() -> None:
    """Forty columns and ten lines: what matters is there, and nodes are not."""
    found = shown(scene(busy(), busy(1)), 40, 10)
    assert "Node" not in found
    assert "Refused" not in found
    assert "…ault/ann0  orders/*      behind  12,345" in found
    assert found.splitlines()[-1].startswith("q quit  ? help")


def test_a_large_terminal_shows_all_columns() -> None:
    """With room for it, no name is cut."""
    found = shown(scene(busy(), busy(1)), 200, 60)
    assert f"{told.NODE}-{0:016x}  user:default/ann0 " in found
    assert "1m 15s" in found
    assert "192.0.2.7" in found
    assert "every 1 s" in found.splitlines()[0]


def test_many_nodes_leave_room_for_streams() -> None:
    """Those that have no line are counted."""
    nodes = [f"{number:08x}" for number in range(20)]
    found = shown(scene(busy(nodes=nodes), busy(1, nodes=nodes)), 100, 40)
    assert len(re.findall("^0000", found, re.MULTILINE)) + int(re.findall(r"and (\d+) more nodes", found)[0]) == 20
    assert "ann0" in found
    assert "Node" not in shown(scene(busy(nodes=nodes), view=View(nodes=False)), 100, 40)
    assert "Node" not in shown(scene(busy(nodes=nodes[:1])), 100, 40)


def test_where_nobody_authenticates_there_is_no_column_of_subjects() -> None:
    """Streams are told apart by their names then, even in a narrow terminal."""
    streams = [told.stream(7, subject=None)]
    found = shown(scene(told.overview(streams=streams, closed=[told.closed(8, subject=None)])), 40, 30)
    assert "Who" not in found
    assert "0000007" in found
    assert "0000008" in found
    mixed = shown(scene(told.overview(streams=[*streams, told.stream(8)])), 100, 30)
    assert re.search(r"…\d+7 +- +orders", mixed)


@pytest.mark.parametrize(
    ("sort", "first"), [("lag", "ann0"), ("buffered", "ann39"), ("rate", "ann39"), ("age", "ann0")]
)
@pytest.mark.parametrize("columns", [40, 120])
def test_streams_are_sorted_by_what_is_asked_for(sort: str, first: str, columns: int) -> None:
    """The first has most of it, the column is there however narrow it gets, and the last line says which it is."""
    found = shown(scene(busy(), busy(1), view=View(sort=sort)), columns, 30)
    title = {"lag": "Lag", "buffered": "Buffered", "rate": "Events/s", "age": "Age"}[sort]
    head, row, *_ = [line for line in found.splitlines() if "Who" in line or "ann" in line]
    assert title in head
    assert first in row
    assert f"s by {title.lower()}" in found


def test_before_the_second_look_rates_are_unknown() -> None:
    """They are dashes, and not zeros."""
    found = shown(scene(busy(nodes=NODES[:2])))
    assert re.search(r"Signals/s .*\n +-  +-  +-  +-  +-  +-\n", found)
    assert re.search(rf"{told.NODE}  ready +2h 05m +20 +1 +- +- +- +- +- +1,000", found)


def test_a_hub_that_is_away_leaves_its_last_picture() -> None:
    """One line says for how long, why, and that it is tried again."""
    of = scene(busy(), busy(1), trouble="Connection refused.", since=told.NOON + 5, now=told.NOON + 17.2)
    head, away, *rest = shown(of).splitlines()
    assert away == "Away for 12s: Connection refused; since 12:00:05Z, tried again every 1 s"
    assert "12:00:01Z" in head
    assert any("ann0" in line for line in rest)


def test_what_is_missing_is_told_first() -> None:
    """A cluster of which something is not known says so."""
    reason = "What nodes tell each other is out of reach, so that only the streams of one node are shown."
    found = shown(scene(told.overview(incomplete=reason)), 40).splitlines()
    assert " ".join(found[1:4]) == f"incomplete: {reason}"
    assert found[4].startswith("2 streams")


def test_nothing_is_open_and_nothing_was() -> None:
    """An empty hub says so."""
    node = told.node(
        streams={"open": 0, "behind": 0, "opened": 0, "closed": {}, "refused": {}},
        history={"held": 0, "bytes": 0, "oldest": None},
    )
    found = shown(scene(told.overview(nodes=[node])))
    assert "No stream is open." in found
    assert "Closed   none" in found
    assert "history" not in found
    assert "Ago" not in found
    held = told.node(history={"held": 1, "bytes": 5, "oldest": None})
    assert "history: 1 events, 5 B" in shown(scene(told.overview(nodes=[held])))


def test_a_picture_that_is_printed_is_whole() -> None:
    """All streams are there and nothing is cut, unless it is printed to a terminal."""
    of = scene(busy(), busy(1))
    whole = "\n".join(plainly(snapshot(of, None)))
    for number in range(40):
        assert f"{number:016x}  user:default/ann{number} " in whole
    assert URL in whole.splitlines()[0]
    assert whole.splitlines()[0].endswith("12:00:01Z  every 1 s")
    assert "q quit" not in whole
    assert len(re.findall(r"^ *\d+\.?\d*s  gone ", whole, re.MULTILINE)) == 10
    assert max(columns_of(line) for line in plainly(snapshot(of, 60))) <= 60
    alone = plainly(snapshot(scene(told.overview()), None))
    assert not any("Node" in line or "Ago" in line for line in alone)
    assert alone[-1] == "No stream is open."


def test_keys_change_how_it_is_looked_at() -> None:
    """Each key does what the last line says, whether it is a small letter or not."""
    view = View()
    for key, changed in (
        ("p", View(paused=True)),
        (" ", View(paused=True)),
        ("n", View(nodes=False)),
        ("?", View(help=True)),
    ):
        assert pressed(view, key) == changed
        assert pressed(changed, key) == view
    assert pressed(view, "H") == View(help=True)
    assert pressed(View(help=True), "\x1b") == view
    assert pressed(view, "\x1b") == view
    assert pressed(view, "x") == view
    for key in ("q", "Q", "\x04"):
        assert pressed(view, key) is None
    for sort, following in zip(SORTS, (*SORTS[1:], SORTS[0]), strict=True):
        assert pressed(View(sort=sort), "s") == View(sort=following)
    assert "go on" in shown(scene(busy(), view=View(paused=True)))
    assert "paused" in shown(scene(busy(), view=View(paused=True)), 40, 10)


def test_it_explains_itself() -> None:
    """The explanation stands in the place of the tables."""
    found = shown(scene(busy(), view=View(help=True)))
    assert "Late      how long ago the oldest of them was published" in found
    assert "ann0" not in found


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.integers(1, 100))
def test_any_topic_fits(topics: list[str], columns: int) -> None:
    """Whatever people call their topics, a line stays a line and no wider than the terminal."""
    shown(scene(told.overview(streams=[told.stream(topics=topics)])), columns, 12)


def test_help_is_readable_in_a_narrow_terminal() -> None:
    """Each explanation goes on in the next line, so that nothing of it is missing."""
    of = scene(busy())
    found = shown(replace(of, view=View(help=True)), 40, 40)
    words = " ".join(found.split())
    assert "pause: the picture stays, and the hub is not asked; p again goes on" in words
    assert "how long ago the oldest of them was published" in words
