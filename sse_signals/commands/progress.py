"""Progress bars on a terminal."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

import click

from sse_signals.bench.quantities import number

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

    from sse_signals.bench.run import Progress

_NARROW: Final = 80  # columns
_WIDEST: Final = 40  # columns of a bar
_BESIDES: Final = 42  # columns of what stands beside the bar
_UNIT: Final = " deliveries"


class Bars:
    """One bar for each stage of a run, on stderr, if that is a terminal. Used as a context manager."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._stage = ""
        self._bar: ProgressBar[int] | None = None
        self._open = ExitStack()
        self._progress: Progress | None = None
        self._columns = shutil.get_terminal_size().columns
        self._unit = _UNIT if self._columns >= _NARROW else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        if self._bar is not None:
            click.echo(err=True)  # apart from what is told next

    def show(self, progress: Progress) -> None:
        """Show how far the run is."""
        if not self._shown:
            return
        self._progress = progress
        # A bar takes whole steps: seconds are shown as milliseconds.
        scale = 1000 if progress.stage == "publishing" else 1
        if progress.stage != self._stage or self._bar is None:
            self._open.close()
            self._stage = progress.stage
            self._bar = self._open.enter_context(self._new(progress.stage, round(progress.whole * scale)))
        self._bar.update(round(progress.done * scale) - self._bar.pos)

    def _new(self, stage: str, length: int) -> ProgressBar[int]:
        return click.progressbar(
            length=length,
            label=f"{stage.capitalize():<10}",
            file=sys.stderr,
            width=max(6, min(_WIDEST, self._columns - _BESIDES - len(self._unit))),
            fill_char=click.style("█", "cyan"),
            empty_char="·",
            bar_template="%(label)s %(bar)s  %(info)s",
            show_percent=True,
            item_show_func=self._item,
        )

    def _item(self, _: object) -> str | None:
        progress = self._progress
        if progress is not None and progress.stage == "opening":
            return f"{number(progress.done)}/{number(progress.whole)}"
        return f"{number(progress.deliveries)}{self._unit}/s" if progress is not None and progress.deliveries else None
