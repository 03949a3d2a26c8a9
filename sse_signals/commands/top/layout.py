"""Tables that are drawn again and again: the width of a column does not follow what is in it, so that nothing jumps."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.commands.plain import ELLIPSIS, columns_of, cut, plain
from sse_signals.commands.table import GAP, Cell, paint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SEPARATOR: Final = " · "


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: What stands above it.
        size: Columns that it takes at least.
        most: Columns that it takes where there is room; 0 for `size`.
        right: Whether its cells end at the same place, as numbers do.
        rank: When it is left out of a narrow table: the highest first, and of the same rank the last.
        tail: Whether the end of a text that is too long is kept, and not its beginning.
    """

    title: str
    size: int
    most: int = 0
    right: bool = False
    rank: int = 0
    tail: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int | None) -> Iterator[str]:
    """Yield the lines of a table, its titles first.

    Args:
        columns: Its columns.
        rows: Its cells, as many in each row as there are columns; they may come from elsewhere.
        width: Columns of the terminal; None cuts nothing.
    """
    texts = [[plain(cell.text) for cell in row] for row in rows]
    sizes = _contents(columns, texts) if width is None else _sizes(columns, width)
    titles = [_set(columns[place].title, columns[place], size) for place, size in sizes.items()]
    yield paint(GAP.join(titles), "bold")
    for row, said in zip(rows, texts, strict=True):
        parts = [paint(_set(said[place], columns[place], size), row[place].colour) for place, size in sizes.items()]
        yield GAP.join(parts)


def line(cells: Sequence[Cell], width: int | None, separator: str = SEPARATOR) -> str:
    """Return texts in one line, which is cut where the terminal ends.

    Args:
        cells: The texts; they may come from elsewhere.
        width: Columns of the terminal; None cuts nothing.
        separator: What stands between them.
    """
    parts: list[str] = []
    left = width
    for number, cell in enumerate(cells):
        between = separator if number else ""
        text = plain(cell.text)
        if left is None:
            parts.append(between + paint(text, cell.colour))
            continue
        if columns_of(between) >= left:
            break
        shown = cut(text, left - columns_of(between))
        left -= columns_of(between) + columns_of(shown)
        parts.append(between + paint(shown, cell.colour))
    return "".join(parts)


def wrapped(text: str, width: int | None, colour: str | None = None) -> list[str]:
    """Return the lines of a text that nobody may miss the end of.

    Args:
        text: The text; it may come from elsewhere.
        width: Columns of the terminal; None for one line, however long.
        colour: Of all lines.
    """
    shown = plain(text)
    # Where characters are wide, a line is cut.
    lines = [shown] if width is None else textwrap.wrap(shown, max(width, 1))
    return [line([Cell(each, colour)], width) for each in lines]


def _sizes(columns: Sequence[Column], width: int) -> dict[int, int]:
    """Return how wide each column is that is shown, by its place."""
    sizes = {place: column.size for place, column in enumerate(columns)}
    while (left := width - sum(sizes.values()) - len(GAP) * (len(sizes) - 1)) < 0:
        last = max(sizes, key=lambda place: (columns[place].rank, place))
        if len(sizes) == 1:
            return {last: width}
        del sizes[last]
    growing = [place for place in sizes if columns[place].most > sizes[place]]
    while left > 0 and growing:
        narrowest = min(growing, key=lambda place: sizes[place] / columns[place].most)
        sizes[narrowest] += 1
        left -= 1
        if sizes[narrowest] == columns[narrowest].most:
            growing.remove(narrowest)
    return sizes


def _contents(columns: Sequence[Column], texts: Sequence[Sequence[str]]) -> dict[int, int]:
    """Return how wide each column has to be so that nothing is cut."""
    return {
        place: max([columns_of(column.title), *(columns_of(row[place]) for row in texts)])
        for place, column in enumerate(columns)
    }


def _set(text: str, column: Column, size: int) -> str:
    """Return a text that takes all of its column, and no more."""
    text = _tail(text, size) if column.tail else cut(text, size)
    space = " " * (size - columns_of(text))
    return space + text if column.right else text + space


def _tail(text: str, size: int) -> str:
    if columns_of(text) <= size:
        return text
    kept = ELLIPSIS + text[len(text) - size + 1 :]
    return kept if columns_of(kept) <= size else cut(kept, size)
