"""An object in a process of its own, called from here."""

from __future__ import annotations

import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

_PATIENCE: Final = 10.0  # seconds that a process gets to end


class Served(Protocol):
    """What can live in a process of its own: it waits for the next call itself, so that it can work meanwhile."""

    def wait(self, calls: Connection) -> None:
        """Return when there is something to receive from ``calls``."""


class Remote:
    """Runs an object in a child process. Its methods are called by name; one call at a time.

    Used as a context manager; the process ends with it.
    """

    def __init__(self, make: Callable[..., Served], *arguments: Any, core: int | None = None) -> None:
        """Start the process.

        Args:
            make: Makes the object, there. Like the arguments it has to be picklable.
            arguments: What it is called with.
            core: The CPU core the process is to stay on; None for any.
        """
        # Not fork: the caller may have threads.
        context = multiprocessing.get_context("spawn")
        self._calls, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, arguments, core), daemon=True)
        # Ctrl-C reaches all processes: one that still imports must not die of it. Starting the resource tracker, which
        # comes with the first process, unblocks the signal: it has to run already.
        multiprocessing.resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._unanswered = 0
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def begin(self, method: str, *arguments: Any) -> None:
        """Call a method without waiting for what it returns; `result` does."""
        self._unanswered += 1
        self._calls.send((method, arguments))

    def done(self, seconds: float = 0.0) -> bool:
        """Say whether the call is done, waiting for it no longer than this."""
        return self._calls.poll(seconds)

    def result(self) -> Any:
        """Return what the call returned, or raise what it raised.

        Raises:
            RuntimeError: The process ended.
        """
        try:
            value, error = self._calls.recv()
        except (EOFError, ConnectionResetError):  # the latter if another call was still waiting there
            raise RuntimeError("a process of the load ended too early") from None
        self._unanswered -= 1
        if error is not None:
            raise error
        return value

    def call(self, method: str, *arguments: Any) -> Any:
        """Call a method and return what it returns."""
        self.begin(method, *arguments)
        return self.result()

    def cpu(self) -> float:
        """Return the seconds of CPU that the process has used."""
        return float(self.call("cpu"))

    def close(self) -> None:
        """End the process, at once if nobody waits for the end of its call any more."""
        self._calls.close()
        if self._unanswered:
            self._process.terminate()
        self._process.join(_PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def pin(core: int) -> None:
    """Keep this process on one core."""
    os.sched_setaffinity(0, {core})


def now_us() -> int:
    """Return microseconds of the monotonic clock, which all processes of a machine share."""
    return time.monotonic_ns() // 1000


def _serve(calls: Connection, make: Callable[..., Served], arguments: tuple[Any, ...], core: int | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller says what is to end
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    with suppress(EOFError, ConnectionResetError, BrokenPipeError):  # nobody calls any more
        _answer(calls, make, arguments, core)


def _answer(calls: Connection, make: Callable[..., Served], arguments: tuple[Any, ...], core: int | None) -> None:
    if core is not None:
        pin(core)
    try:
        served = make(*arguments)
    except Exception as error:  # noqa: BLE001 - as below
        calls.recv()
        calls.send((None, error))
        return
    while True:
        served.wait(calls)
        method, given = calls.recv()
        try:
            result = time.process_time() if method == "cpu" else getattr(served, method)(*given)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller is who it concerns
            calls.send((None, error))
        else:
            calls.send((result, None))
