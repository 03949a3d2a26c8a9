"""The table of all metrics as Markdown, for people who have to act on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.metrics.catalogue import CHAPTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.metrics.series import Series

_HEAD: Final = (
    "| name | type | label and its values | what it means | what to do when it is odd |",
    "|---|---|---|---|---|",
)


def tables() -> str:
    """Return a table for each chapter of the catalogue."""
    return "\n\n".join(_chapter(title, rows) for title, rows in CHAPTERS.items()) + "\n"


def _chapter(title: str, rows: Sequence[Series]) -> str:
    return "\n".join([f"### {title}", "", *_HEAD, *map(_row, rows)])


def _row(series: Series) -> str:
    cells = [f"`{series.full_name}`", series.kind, _label(series), series.help, series.odd]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _label(series: Series) -> str:
    values = ", ".join(f"`{value}`" for value in series.values)
    if series.kind == "info":
        return values
    return "" if series.label is None else f"`{series.label}`: {values}"
