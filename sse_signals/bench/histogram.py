"""A histogram of latencies: one row for each step from 1 to 2 to 5 to 10, as wide as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.bench.latencies import EDGES
from sse_signals.bench.quantities import duration, number, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.bench.latencies import Latencies

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_WIDEST: Final = 60  # columns of a bar


@dataclass(frozen=True, slots=True)
class Row:
    """How many latencies lie between two edges, which are in microseconds."""

    start: int
    end: int
    count: int


def rows(latencies: Latencies) -> Sequence[Row]:
    """Return a histogram without the empty rows at both ends."""
    edges = (*EDGES, max(10 * EDGES[-1], latencies.longest + 1))
    found = [
        Row(start, end, count) for start, end, count in zip(edges, edges[1:], latencies.between(EDGES), strict=False)
    ]
    full = [place for place, row in enumerate(found) if row.count]
    return found[full[0] : full[-1] + 1] if full else []


def bars(latencies: Latencies, width: int, paint: Callable[[str, str], str]) -> list[str]:
    """Return a histogram as lines with a bar, a count and a share each.

    Args:
        latencies: What to show.
        width: Columns there are.
        paint: Returns a text in a colour.
    """
    shown = rows(latencies)
    most = max(row.count for row in shown)
    label, count = len("500 µs - 1.00 s"), len(number(most))
    room = max(8, min(_WIDEST, width - label - count - len("      <0.1 %")))
    return [
        f"{_edges(row):>{label}}  {paint(_bar(row.count / most, room), 'cyan')}"
        f"  {number(row.count):>{count}}  {percent(row.count / latencies.count):>6}"
        for row in shown
    ]


def _edges(row: Row) -> str:
    return f"{_edge(row.start)} - {_edge(row.end)}"


def _edge(microseconds: int) -> str:
    value, unit = duration(microseconds).split(" ")
    return f"{number(float(value.replace(',', '')))} {unit}" if microseconds else "0"


def _bar(share: float, room: int) -> str:
    eighths = round(share * room * 8)
    if share and not eighths:
        eighths = 1  # what is there is to be seen
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(room)
