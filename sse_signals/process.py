"""The process a server runs in: signals that end it, its limit of open files, its garbage collector, its loop."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import resource
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from aiohttp import http_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sse_signals.settings import Settings

YOUNG: Final = 10_000  # new objects after which the collector looks for garbage among them; Python's own is 700
SPARE_FILES: Final = 64  # open files that are not streams
ONE_WISH: Final = 0.25  # seconds in which signals are one wish: `timeout` sends its to a process and to its group
ENDS: Final = (signal.SIGTERM, signal.SIGINT)
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Wishes:
    """What those who may say so want of a server: that it ends, and that it hurries; said before it serves, or later.

    Attributes:
        ending: Why it shall end, once it shall.
        hurrying: Is done once it shall hurry.
    """

    def __init__(self) -> None:
        """Want nothing yet; an event loop runs."""
        loop = asyncio.get_running_loop()
        self.ending: asyncio.Future[str] = loop.create_future()
        self.hurrying: asyncio.Future[None] = loop.create_future()

    def end(self, why: str) -> None:
        """Have it end; the first reason stands."""
        if not self.ending.done():
            self.ending.set_result(why)

    def hurry(self) -> None:
        """Have it skip what an end could wait for."""
        if not self.hurrying.done():
            self.hurrying.set_result(None)

    def grant(self, end: Callable[[str], object], hurry: Callable[[], object]) -> None:
        """Have something called for each wish, once it is made."""
        self.ending.add_done_callback(lambda wish: end(wish.result()))
        self.hurrying.add_done_callback(lambda _: hurry())


def heed(end: Callable[[str], object], again: Callable[[], object], *, numbers: Iterable[int] = ENDS) -> None:
    """Heed signals that end a process.

    Args:
        end: Called with the name of the first.
        again: Called for each later one, unless it belongs to the same wish.
        numbers: Of the signals.
    """
    loop = asyncio.get_running_loop()
    patient_until: float | None = None

    def told(number: int) -> None:
        nonlocal patient_until
        if patient_until is None:
            patient_until = loop.time() + ONE_WISH
            end(signal.Signals(number).name)
        elif loop.time() >= patient_until:
            patient_until = loop.time() + ONE_WISH
            again()

    for number in numbers:
        loop.add_signal_handler(number, told, number)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Have the garbage collector look less often, and never at what the program itself consists of.

    A stream is a hundred objects that stay: at Python's own pace, going through them again and again as they become
    more was a quarter of what opening streams cost.
    """
    pace = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *pace[1:])
    try:
        yield
    finally:
        gc.set_threshold(*pace)
        gc.unfreeze()


def told_once_a_second(logger: Any) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], None]:
    """Return an exception handler that tells the same failure once a second, and exhaustion in one line.

    When no file descriptor is left, Python's own writes a traceback for each of the `BACKLOG` connections that may
    wait, every second, and as many again if the server is closed meanwhile.
    """
    told, not_before = "", 0.0

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told, not_before
        message, error = context["message"], context.get("exception")
        if message == told and loop.time() < not_before:
            return
        told, not_before = message, loop.time() + 1
        if isinstance(error, OSError) and error.errno in _EXHAUSTED:
            hint = "Raise the limit of open files (ulimit -n), or lower SIGNALS_MAX_STREAMS."
            logger.warning("no connection can be accepted", reason=os.strerror(error.errno), hint=hint)
        else:
            loop.default_exception_handler(context)

    return handle


def check_machine(settings: Settings, logger: Any) -> None:
    """Warn about what makes a hub weaker than its settings promise."""
    needed = settings.max_streams + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        told: dict[str, Any] = {"limit": soft, "raised_to": raised, "needed": needed}
        if raised < needed:
            told["hint"] = f"Run 'ulimit -n {needed}' first, or lower SIGNALS_MAX_STREAMS."
        logger.warning("the limit of open files is low", **told)
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        logger.warning(
            "aiohttp runs without its C parser",
            hint="Install aiohttp from a wheel: the parser in Python is slower and has had more holes.",
        )
