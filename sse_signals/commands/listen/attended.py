"""Work that ends when it is told to, or when nobody reads any more what it writes."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import signal
import stat
import sys
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    End = Callable[[Exception], None]

Result = TypeVar("Result")


class Terminated(Exception):
    """SIGTERM has come, and what was under way has come to an end."""


async def attended(work: Coroutine[Any, Any, Result], *, printing: bool) -> Result:
    """Return what comes of some work, unless it is cancelled before.

    Args:
        work: What is to be done.
        printing: Whether it is for whoever reads stdout: then it ends as soon as that is nobody.

    Raises:
        Terminated: SIGTERM came.
        BrokenPipeError: Nobody reads stdout any more.
    """
    task = asyncio.current_task()
    reasons: list[Exception] = []

    def end(reason: Exception) -> None:
        reasons.append(reason)
        task.cancel()  # type: ignore[union-attr] # there is one: this runs in it

    with _terminated(end), _unread(end) if printing else nullcontext():
        try:
            return await work
        except asyncio.CancelledError:
            if reasons:
                for _ in reasons:  # it is an error from here on, and no longer a cancellation
                    task.uncancel()  # type: ignore[union-attr] # as above
                raise reasons[0] from None
            raise


@contextmanager
def _terminated(end: End) -> Iterator[None]:
    """Have SIGTERM end it; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, end, Terminated())
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


@contextmanager
def _unread(end: End) -> Iterator[None]:
    """Have it end when nobody reads stdout any more; only a pipe tells."""
    pipe = _pipe()
    if pipe is None:
        yield
        return
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(pipe)
        end(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))

    loop.add_reader(pipe, gone)
    try:
        yield
    finally:
        loop.remove_reader(pipe)


def _pipe() -> int | None:
    """Return the end of a pipe that stdout is; one that is open for reading, too, tells nothing."""
    try:
        number = sys.stdout.fileno()
        only_written = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        return number if only_written and stat.S_ISFIFO(os.fstat(number).st_mode) else None
    except (AttributeError, OSError):  # it is closed, or no file
        return None
