"""Tables for people: aligned, as wide as the terminal at most, and readable without colours."""

from __future__ import annotations

import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from sse_signals.commands.plain import columns_of, cut, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

GAP: Final = "  "
_NARROWEST: Final = 8  # columns of a column that gives way
_TEXT: Final = 100  # columns of running text at most, and where there is no terminal


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        title: What stands above it; empty for nothing.
        right: Whether its cells end at the same place, as numbers do.
        gives_way: Whether its cells may be cut when the terminal is narrow.
        optional: Whether it may be left out when cutting is not enough; the last such goes first.
    """

    title: str
    right: bool = False
    gives_way: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        text: What it says; it may come from elsewhere, and is made plain.
        colour: A colour of `click.style`, ``bold`` or ``dim``; None for none. Colours never say what words do not.
    """

    text: str
    colour: str | None = None


def width_of_output() -> int | None:
    """Return how many columns stdout has, or None if it is no terminal: then nothing is cut."""
    return shutil.get_terminal_size().columns if sys.stdout is not None and sys.stdout.isatty() else None


def paint(text: str, colour: str | None) -> str:
    """Return a text in a colour, or bold or dim."""
    if colour is None:
        return text
    if colour in {"bold", "dim"}:  # each alone: what is not wanted would be switched off, and both at once
        return click.style(text, **{colour: True})
    return click.style(text, fg=colour)


def lines(columns: Sequence[Column], rows: Sequence[Sequence[Cell | str]], width: int | None) -> Iterator[str]:
    """Yield the lines of a table, its titles first.

    Args:
        columns: Its columns.
        rows: Its cells, as many in each row as there are columns.
        width: Columns of the terminal; None to cut nothing.
    """
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    texts = [[plain(cell.text) for cell in row] for row in cells]
    sizes = [
        max([columns_of(column.title), *(columns_of(row[place]) for row in texts)])
        for place, column in enumerate(columns)
    ]
    shown = _fit(columns, sizes, width)
    if any(column.title for column in columns):
        heads = [_aligned(columns[place].title, sizes[place], right=columns[place].right) for place in shown]
        yield paint(GAP.join(heads).rstrip(), "bold")
    for row, said in zip(cells, texts, strict=True):
        parts = [
            _painted(_aligned(said[place], sizes[place], right=columns[place].right), row[place].colour)
            for place in shown[:-1]
        ]
        last = shown[-1]
        end = _aligned(said[last], sizes[last], right=columns[last].right).rstrip()
        yield GAP.join([*parts, _painted(end, row[last].colour)]).rstrip()


def running_text(text: str, width: int | None, *, indent: str = "") -> Iterator[str]:
    """Yield the lines of a paragraph that may come from elsewhere.

    Args:
        text: The paragraph.
        width: Columns of the terminal; None where there is none.
        indent: What stands before each line.
    """
    wide = max(20, min(width or _TEXT, _TEXT))
    yield from textwrap.wrap(plain(text), wide, initial_indent=indent, subsequent_indent=indent, break_long_words=False)


def _painted(text: str, colour: str | None) -> str:
    return paint(text, colour) if text.strip() else text


def _fit(columns: Sequence[Column], sizes: list[int], width: int | None) -> list[int]:
    """Make columns narrower, then fewer, until they fit; return the places of those that are shown."""
    shown = list(range(len(columns)))
    if width is None:
        return shown
    while (over := _whole(sizes, shown) - width) > 0:
        wide = [place for place in shown if columns[place].gives_way and sizes[place] > _NARROWEST]
        if wide:
            widest = max(wide, key=lambda place: sizes[place])
            others = [sizes[place] for place in wide if place != widest]
            sizes[widest] = max(_NARROWEST, sizes[widest] - over, *(size - 1 for size in others))
            continue
        spare = [place for place in shown if columns[place].optional]
        if not spare:
            break
        shown.remove(spare[-1])
    return shown


def _whole(sizes: Sequence[int], shown: Sequence[int]) -> int:
    return sum(sizes[place] for place in shown) + len(GAP) * (len(shown) - 1)


def _aligned(text: str, size: int, *, right: bool) -> str:
    text = cut(text, size)
    space = " " * (size - columns_of(text))
    return space + text if right else text + space
