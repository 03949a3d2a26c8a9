"""What ``sse-signals conformance`` shows people."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Self

import click

from sse_signals.commands.plain import cut
from sse_signals.commands.table import Cell, Column, lines, paint, running_text, width_of_output
from sse_signals.conformance import report
from sse_signals.conformance.outcome import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.conformance.outcome import Case, Result

_COLOURS: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.NOT_OFFERED: "dim",
    Verdict.NOT_TRIED: "yellow",
}
_INDENT: Final = "    "
_NARROW: Final = 20  # columns of what is shown of a case at least


class Progress:
    """One line on stderr that says how far a run is, if that is a terminal. Used as a context manager."""

    def __init__(self, count: int) -> None:
        self._shown = sys.stderr.isatty()
        self._count = count
        self._done = 0

    def __enter__(self) -> Self:
        self._write(f"0 of {self._count}")
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")

    def show(self, case: str) -> None:
        """Count a case that is done."""
        self._done += 1
        self._write(f"{self._done} of {self._count}  {cut(case, _NARROW)}")

    def _write(self, text: str) -> None:
        if self._shown:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def table_of(adapter: str, results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a run: a table, what failed in full, and how many ended how.

    Args:
        adapter: The name of the hub's description.
        results: What was found.
    """
    width = width_of_output()
    columns = (Column("Case"), Column("Result"), Column("Seen", gives_way=True))
    yield from lines(
        columns,
        [[result.case.full_name, Cell(result.verdict, _COLOURS[result.verdict]), result.seen] for result in results],
        width,
    )
    failed = [result for result in results if result.verdict is Verdict.FAIL]
    if failed:
        yield ""
    for result in failed:
        yield f"{paint('fail', 'red')}  {paint(result.case.full_name, 'bold')}"
        for text in (result.case.must, f"Seen: {result.seen.rstrip('.')}.", f"Source: {result.case.source}."):
            yield from running_text(text, width, indent=_INDENT)
    yield ""
    yield from running_text(f"{adapter}: {report.summary(results)}.", width)


def list_of(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines that say what is asked for: a line for each case, or, in a terminal, a paragraph."""
    width = width_of_output()
    if width is None:
        columns = (Column("Case"), Column("What a hub must do"), Column("Source"))
        yield from lines(columns, [[case.full_name, case.must, case.source] for case in cases], None)
        return
    for case in cases:
        yield paint(case.full_name, "bold")
        yield from running_text(f"{case.must} ({case.source})", width, indent=_INDENT)
