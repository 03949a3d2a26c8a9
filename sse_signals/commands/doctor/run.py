"""Runs an examination: progress while it lasts, the report, and the exit status."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import click

from sse_signals.commands.failures import BAD, INTERRUPTED, REFUSED, UNREACHABLE, fail
from sse_signals.commands.output import show_any_text, write
from sse_signals.commands.plain import json_line
from sse_signals.commands.table import paint, running_text, width_of_output
from sse_signals.doctor.examination import examine
from sse_signals.doctor.judge import judge
from sse_signals.doctor.line import NoConnection
from sse_signals.doctor.proxies import PROXIES, told
from sse_signals.doctor.report import document, lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click._termui_impl import ProgressBar

    from sse_signals.doctor.examination import Wishes
    from sse_signals.doctor.judge import Verdict
    from sse_signals.doctor.seen import Seen

_STEPS: Final = 10  # of the bar, a second
_WIDEST: Final = 40  # columns of the bar
_BESIDES: Final = 24  # columns of what stands beside it


def run(wishes: Wishes, proxy: str | None, *, as_json: bool) -> int:
    """Examine, print the report, and return the exit status.

    Args:
        wishes: What to do.
        proxy: Which proxy lines are given for, ``all``, or None for the one that names itself.
        as_json: Whether to print one JSON object.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed before there was anything to tell.
    """
    try:
        with suppress(asyncio.CancelledError):
            seen = asyncio.run(_examined(wishes))
            verdict = judge(seen)
            _print(seen, verdict, _proxies(seen, proxy), as_json=as_json)
            return _status(seen, verdict)
    except NoConnection as error:
        fail(f"{wishes.target.authority} {error}. Check the URL, and that the hub or its proxy runs.", UNREACHABLE)
    raise KeyboardInterrupt


async def _examined(wishes: Wishes) -> Seen:
    """Examine; Ctrl-C ends the watch, and pressed before, or again, everything."""
    task = asyncio.current_task()
    watching = pressed = False

    def press() -> None:
        nonlocal pressed
        if (pressed or not watching) and task is not None:
            task.cancel()
        pressed = True

    def progress(done: float, whole: float) -> None:
        nonlocal watching
        watching = True
        show(done, whole)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, press)
    try:
        with _bar() as show:
            return await examine(wishes, progress, stopping=lambda: pressed)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


@contextmanager
def _bar() -> Iterator[Callable[[float, float], None]]:
    """Give what shows on stderr, if that is a terminal, how much of the time has passed."""
    if not sys.stderr.isatty():
        yield lambda _done, _whole: None
        return
    bar: ProgressBar[int] = click.progressbar(
        length=1,
        label="Watching",
        file=sys.stderr,
        width=max(6, min(_WIDEST, shutil.get_terminal_size().columns - _BESIDES)),
        fill_char=click.style("█", "cyan"),
        empty_char="·",
        bar_template="%(label)s %(bar)s  %(info)s",
        show_percent=False,
        show_eta=True,
    )

    def show(done: float, whole: float) -> None:
        bar.length = max(1, round(whole * _STEPS))
        bar.update(max(0, min(round(done * _STEPS), bar.length) - bar.pos))

    with bar:
        yield show
    click.echo(err=True)  # apart from what is told next


def _proxies(seen: Seen, proxy: str | None) -> tuple[str, ...]:
    if proxy == "all":
        return tuple(PROXIES)
    return told(seen) if proxy is None else (proxy,)


def _print(seen: Seen, verdict: Verdict, proxies: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        write(json_line(document(seen, verdict, proxies)))
        return
    show_any_text()
    width = width_of_output()
    for line in lines(seen, verdict, proxies, lambda text, indent: running_text(text, width, indent=indent), paint):
        write(line)


def _status(seen: Seen, verdict: Verdict) -> int:
    if seen.interrupted:
        return INTERRUPTED
    if verdict.refused:
        return REFUSED
    return BAD if verdict.bad else 0
