"""The picture of ``top``: a pure function of what the hub has said, how somebody looks at it, and the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.commands.plain import columns_of
from sse_signals.commands.table import Cell
from sse_signals.commands.top import tables
from sse_signals.commands.top.layout import line, wrapped
from sse_signals.commands.top.quantities import amount, clock, count, span
from sse_signals.commands.top.view import ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sse_signals.commands.top.document import Node, Overview
    from sse_signals.commands.top.rates import Sample
    from sse_signals.commands.top.view import View

NAME: Final = "sse-signals top"
_ROOMY: Final = 24  # lines from which on there are empty ones between the parts
_FEWEST: Final = 4  # lines of the nodes, below which they are left out
_FEW: Final = 10  # lines for streams, from which on closed ones get their whole share
_MANY: Final = 3  # of the lines of a terminal, nodes take at most one in so many
_KEY: Final = 10  # columns of a key, or of a word that is explained
_SHOWN: Final = 10  # closed streams where there is no terminal
_SORTS: Final = {"lag": "lag", "buffered": "buffered", "rate": "events/s", "age": "age"}
_HELP: Final = (
    ("q", "quit (also Ctrl-C)"),
    ("p", "pause: the picture stays, and the hub is not asked; p again goes on"),
    ("s", "sort streams by lag, buffered bytes, events a second, or age"),
    ("n", "show or hide the lines of single nodes"),
    ("?", "show or hide this"),
    ("", ""),
    ("Lag", "records of the log that a stream has still to pass"),
    ("Late", "how long ago the oldest of them was published"),
    ("Buffered", "bytes that its connection has not taken"),
    ("behind", "it reads what it missed, and then is live again"),
    ("Events/s", "signals that it was written in a second"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is to be shown.

    Attributes:
        url: Where the hub is.
        interval: Seconds between two looks.
        sample: What it said last.
        view: How somebody looks at it.
        trouble: Why it cannot be asked any more; None while it can.
        since: Since when, in seconds since 1970-01-01 UTC.
        now: What time it is here, likewise.
    """

    url: str
    interval: float
    sample: Sample
    view: View
    trouble: str | None = None
    since: float = 0.0
    now: float = 0.0


def picture(scene: Scene, columns: int, rows: int) -> list[str]:
    """Return the lines of a whole terminal, neither more nor wider than it has.

    Args:
        scene: What to show.
        columns: How wide the terminal is.
        rows: How many lines it has.
    """
    overview = scene.sample.overview
    told = [*_trouble(scene, columns), *_missing(overview, columns)]
    head = [_title(scene, columns), *told, _summary(overview, columns)]
    foot = [_keys(scene.view, columns)]
    room = rows - len(head) - len(foot)
    body = ["", *_help(columns)] if scene.view.help else _body(scene, columns, room, roomy=rows >= _ROOMY)
    body = [*body[: max(room, 0)], *[""] * (room - len(body))]
    return [*head, *body, *foot][: max(rows, 1)]


def snapshot(scene: Scene, width: int | None) -> list[str]:
    """Return the lines of a picture that is printed once.

    Args:
        scene: What to show.
        width: Columns of the terminal; None cuts nothing.
    """
    sample, overview = scene.sample, scene.sample.overview
    parts = [
        [_title(scene, width), *_missing(overview, width), _summary(overview, width)],
        list(tables.rates(sample.total, width)),
        _reasons(sample, width),
        list(tables.nodes(sample, width)) if len(overview.nodes) > 1 else [],
        _streams(scene, len(overview.streams), width),
        _closed(scene, _SHOWN, width),
    ]
    return [text for part in parts if part for text in (*part, "")][:-1]


def _body(scene: Scene, columns: int, room: int, *, roomy: bool) -> list[str]:
    sample = scene.sample
    gap = [""] if roomy else []
    reasons = _reasons(sample, columns)[: None if room // _MANY >= _FEWEST else 1]
    body = [*gap, *tables.rates(sample.total, columns), *gap, *reasons]
    if scene.view.nodes and len(sample.overview.nodes) > 1 and room // _MANY >= _FEWEST:
        body += [*gap, *_few(list(tables.nodes(sample, columns)), room // _MANY, columns)]
    left = room - len(body) - 2 * len(gap) - 1  # but for the titles, and the gap at the foot
    closed = _closed_rows(scene, left)
    body += [*gap, *_streams(scene, left - (closed and closed + len(gap) + 1), columns)]
    if closed:
        # At the foot, so that it stays where it is when streams come and go.
        body += [""] * (room - len(body) - closed - 1 - len(gap))
        body += _closed(scene, closed, columns)
    return body


def _closed_rows(scene: Scene, left: int) -> int:
    """Return how many closed streams there is room for: a quarter, and half if open ones do not need it."""
    most = left // 2 if len(scene.sample.overview.streams) <= left // 2 else left // 4
    return min(len(scene.sample.overview.closed), max(most - 2, 0) if left < _FEW else most)


def _streams(scene: Scene, rows: int, width: int | None) -> list[str]:
    found = ordered(scene.sample, scene.view.sort)[: max(rows, 0)]
    if not found:
        return [line([Cell("No stream is open.", "dim")], width)] if not scene.sample.overview.streams else []
    return list(tables.streams(found, scene.sample.deliveries, scene.view.sort, width))


def _closed(scene: Scene, rows: int, width: int | None) -> list[str]:
    found = scene.sample.overview.closed[:rows]
    return list(tables.closed(found, scene.sample.overview.time, width)) if found else []


def _few(lines: list[str], most: int, columns: int) -> list[str]:
    """Return a table that takes no more lines than it may, and says what is left out."""
    if len(lines) <= most:
        return lines
    shown = lines[: most - 1]
    return [*shown, line([Cell(f"and {len(lines) - len(shown)} more nodes", "dim")], columns)]


def _title(scene: Scene, columns: int | None) -> str:
    """Return the first line: what this is on the left, and when on the right if there is room."""
    when = f"{clock(scene.sample.overview.time)}  every {scene.interval:g} s"
    mark = [Cell("paused", "yellow")] if scene.view.paused else []
    cells = [Cell(NAME, "bold"), *mark, Cell(scene.url, "cyan")]
    if columns is None:
        return line([*cells, Cell(when)], None, "  ")
    left = columns - sum(columns_of(cell.text) + 2 for cell in cells)
    if left >= len(when):
        return line([*cells, Cell(f"{when:>{left}}")], columns, "  ")
    return line([Cell(clock(scene.sample.overview.time)), *mark, Cell(scene.url, "cyan")], columns, "  ")


def _trouble(scene: Scene, columns: int) -> list[str]:
    if scene.trouble is None:
        return []
    away = f"Away for {span(max(scene.now - scene.since, 0.0))}: {scene.trouble.rstrip('.')}"
    tries = f"since {clock(scene.since)}, tried again every {scene.interval:g} s"
    return wrapped(f"{away}; {tries}", columns, "red")


def _missing(overview: Overview, width: int | None) -> list[str]:
    """Return the lines that say why the rest is not all there is."""
    return [] if overview.incomplete is None else wrapped(f"incomplete: {overview.incomplete}", width, "red")


def _help(columns: int) -> Iterable[str]:
    for key, text in _HELP:
        first, *others = wrapped(text, columns - _KEY) or [""]
        yield line([Cell(f"{key:<{_KEY}}", "bold"), Cell(first)], columns, "")
        yield from (line([Cell(" " * _KEY + other)], columns) for other in others)


def _summary(overview: Overview, width: int | None) -> str:
    nodes = overview.nodes
    behind, there = sum(node.behind for node in nodes), sum(node.open for node in nodes)
    cells = [
        Cell(f"{count(there)} stream{'' if there == 1 else 's'}", "bold"),
        Cell(f"{count(behind)} behind", "yellow" if behind else None),
        Cell(_up(nodes)),
        *_held(nodes, overview.time),
    ]
    return line(cells, width)


def _up(nodes: Sequence[Node]) -> str:
    up = span(max((node.time - node.started for node in nodes), default=0.0))
    return f"up {up}" if len(nodes) == 1 else f"{len(nodes)} nodes, up {up}"


def _held(nodes: Sequence[Node], now: float) -> Iterable[Cell]:
    """Yield what the fullest history holds."""
    fullest = max(nodes, key=lambda node: node.held, default=None)
    if fullest is not None and fullest.held:
        since = "" if fullest.oldest is None else f", {span(max(now - fullest.oldest, 0.0))}"
        yield Cell(f"history: {count(fullest.held)} events{since}, {amount(fullest.held_size)}")


def _reasons(sample: Sample, width: int | None) -> list[str]:
    nodes, total = sample.overview.nodes, sample.total
    now: Mapping[str, float] = {} if total is None else total.closed_by
    shown = [tables.reasons("Closed ", _together(node.closed for node in nodes), now, width)]
    refused = _together(node.refused for node in nodes)
    return [*shown, tables.reasons("Refused", refused, {}, width)] if refused else shown


def _together(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    found = Counter[str]()
    for each in counts:
        found.update(each)
    return found


def _keys(view: View, columns: int) -> str:
    keys = [
        ("q", "quit"),
        ("?", "help"),
        ("p", "go on" if view.paused else "pause"),
        ("s", f"by {_SORTS[view.sort]}"),
        ("n", "nodes"),
    ]
    return line([Cell(f"{key} {text}", "dim") for key, text in keys], columns, "  ")
