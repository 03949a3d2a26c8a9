"""The tables of ``top``: nodes, streams, closed streams, and what happens in a second."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sse_signals.commands.table import Cell
from sse_signals.commands.top.layout import SEPARATOR, Column, line, table
from sse_signals.commands.top.quantities import UNKNOWN, amount, count, rate, span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sse_signals.commands.top.document import Node, Stream
    from sse_signals.commands.top.rates import Rates, Sample

NOBODY: Final = "-"
_RATES: Final = (
    Column("Signals/s", 9, right=True),
    Column("Delivered/s", 11, right=True),
    Column("Bytes/s", 8, right=True),
    Column("Opened/s", 8, right=True, rank=2),
    Column("Closed/s", 8, right=True, rank=1),
    Column("Refused/s", 9, right=True, rank=3),
)
_NODES: Final = (
    Column("Node", 8),
    Column("State", 9, rank=4),
    Column("Up", 7, right=True, rank=3),
    Column("Open", 7, right=True),
    Column("Behind", 6, right=True),
    Column("Signals/s", 9, right=True, rank=2),
    Column("Delivered/s", 11, right=True),
    Column("Bytes/s", 8, right=True, rank=1),
    Column("Opened/s", 8, right=True, rank=6),
    Column("Closed/s", 8, right=True, rank=5),
    Column("Held", 7, right=True, rank=7),
)
_STREAM: Final = Column("Stream", 8, 25, rank=3, tail=True)
_WHO: Final = Column("Who", 10, 32, tail=True)
_TOPICS: Final = Column("Topics", 8, 48)
_FROM: Final = Column("From", 9, 25, rank=8)
_SORTED: Final = {"lag": "Lag", "buffered": "Buffered", "rate": "Events/s", "age": "Age"}
_OPEN: Final = (
    _STREAM,
    _WHO,
    _TOPICS,
    Column("State", 6, rank=2),
    Column("Lag", 6, right=True),
    Column("Late", 7, right=True, rank=7),
    Column("Buffered", 8, right=True, rank=4),
    Column("Events/s", 8, right=True, rank=5),
    Column("Age", 7, right=True, rank=6),
    _FROM,
)
_CLOSED: Final = (
    Column("Ago", 7, right=True),
    Column("Reason", 12, 20),
    _STREAM,
    _WHO,
    replace(_TOPICS, rank=1),
    Column("Events", 7, right=True, rank=5),
    Column("Open for", 8, right=True, rank=2),
    _FROM,
)


def rates(found: Rates | None, width: int | None) -> Iterator[str]:
    """Yield what happens in a second on all nodes."""
    if found is None:
        cells = [Cell(UNKNOWN, "dim")] * len(_RATES)
    else:
        numbers = (found.opened, found.closed, found.refused)
        texts = [rate(found.signals), rate(found.delivered), amount(found.size), *map(rate, numbers)]
        cells = [Cell(text, None if text in {"0", "0 B"} else "cyan") for text in texts]
    return table(_RATES, [cells], width)


def reasons(title: str, counts: Mapping[str, int], per_second: Mapping[str, float], width: int | None) -> str:
    """Return how often something happened for which reason: what happens now first, then what happened most."""
    order = sorted(counts, key=lambda reason: (-per_second.get(reason, 0.0), -counts[reason], reason))
    order = order[:width]  # there is no room for more, and nodes together may tell of many
    texts = [_reason(reason, counts[reason], per_second.get(reason, 0.0)) for reason in order]
    told = Cell(SEPARATOR.join(texts)) if texts else Cell("none", "dim")
    return line([Cell(title, "bold"), told], width, "  ")


def nodes(sample: Sample, width: int | None) -> Iterator[str]:
    """Yield the table of all nodes."""
    return table(_NODES, [_node(node, sample.rates.get(node.name)) for node in sample.overview.nodes], width)


def streams(found: Sequence[Stream], deliveries: Mapping[str, float], sort: str, width: int | None) -> Iterator[str]:
    """Yield the table of open streams.

    Args:
        found: The streams, as they stand below each other.
        deliveries: Events that each is written in a second, by its name.
        sort: What they are sorted by: that column is always shown.
        width: Columns of the terminal; None cuts nothing.
    """
    columns = [replace(column, rank=0) if column.title == _SORTED[sort] else column for column in _OPEN]
    return _peopled(columns, found, [_open(stream, deliveries.get(stream.name)) for stream in found], width)


def closed(found: Sequence[Stream], now: float, width: int | None) -> Iterator[str]:
    """Yield the table of closed streams.

    Args:
        found: The streams, as they stand below each other.
        now: What the hub's clock says, in seconds since 1970-01-01 UTC.
        width: Columns of the terminal; None cuts nothing.
    """
    return _peopled(_CLOSED, found, [_gone(stream, now) for stream in found], width)


def _peopled(
    columns: Sequence[Column], found: Sequence[Stream], rows: Sequence[Sequence[Cell]], width: int | None
) -> Iterator[str]:
    """Yield a table of streams, without a column of subjects where nobody has one."""
    if any(stream.subject is not None for stream in found):
        return table(columns, rows, width)
    places = [place for place, column in enumerate(columns) if column is not _WHO]
    # What is left to tell streams apart has to stay.
    kept = [replace(columns[place], rank=0) if columns[place] is _STREAM else columns[place] for place in places]
    return table(kept, [[row[place] for place in places] for row in rows], width)


def _reason(reason: str, total: int, per_second: float) -> str:
    now = f" (+{rate(per_second)}/s)" if per_second else ""
    return f"{reason} {count(total)}{now}"


def _node(node: Node, found: Rates | None) -> list[Cell]:
    numbers = [UNKNOWN] * 5
    if found is not None:
        signals, delivered, opened, closed = map(rate, (found.signals, found.delivered, found.opened, found.closed))
        numbers = [signals, delivered, amount(found.size), opened, closed]
    return [
        Cell(node.name),
        Cell(node.state, "green" if node.state == "ready" else "yellow"),
        Cell(span(max(node.time - node.started, 0.0))),
        Cell(count(node.open)),
        Cell(count(node.behind), "yellow" if node.behind else None),
        *map(Cell, numbers),
        Cell(count(node.held)),
    ]


def _open(stream: Stream, delivered: float | None) -> list[Cell]:
    late = stream.records > 0
    return [
        Cell(stream.name),
        Cell(stream.subject or NOBODY, None if stream.subject else "dim"),
        Cell(stream.topics),
        Cell(stream.state, None if stream.state == "live" else "yellow"),
        Cell(count(stream.records), "yellow" if late else "dim"),
        Cell(span(stream.seconds), "yellow" if late else "dim"),
        Cell(amount(stream.buffered), "yellow" if stream.buffered else "dim"),
        Cell(rate(delivered), "cyan" if delivered else "dim"),
        Cell(span(stream.age)),
        Cell(stream.remote, "dim"),
    ]


def _gone(stream: Stream, now: float) -> list[Cell]:
    return [
        Cell(span(max(now - (stream.closed or now), 0.0))),
        Cell(stream.state),
        Cell(stream.name),
        Cell(stream.subject or NOBODY, None if stream.subject else "dim"),
        Cell(stream.topics),
        Cell(count(stream.delivered)),
        Cell(span(stream.age)),
        Cell(stream.remote, "dim"),
    ]
