"""``--exec``: a command of the shell for each signal, one at a time."""

from __future__ import annotations

import asyncio
import errno
import os
import signal as signals
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sse_signals.commands.listen.files import write_all
from sse_signals.commands.listen.signal_lines import json_text, message_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sse_signals.commands.listen.signal_lines import Shown

_SHELL: Final = "/bin/sh"
_PASSING: Final = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class RunImpossible(Exception):
    """A command could not be started for a reason that lies in this machine, and not in the signal.

    Attributes:
        passing: Whether the reason may be gone soon: something there is too little of.
    """

    def __init__(self, reason: str, *, passing: bool) -> None:
        super().__init__(reason)
        self.passing = passing


class RunFailed(Exception):
    """A command that did not succeed; the text says how it ended."""


class RunInterrupted(Exception):
    """Who runs the commands is to end; the one that was running has been waited for.

    Attributes:
        failed: How it ended, or None if it succeeded.
    """

    def __init__(self, failed: RunFailed | None) -> None:
        super().__init__()
        self.failed = failed


def variables(signal: Shown) -> dict[str, str]:
    """Return what a command finds in its environment. User data is only there, and on stdin."""
    return {
        "SIGNAL_ID": signal.id,
        "SIGNAL_TOPIC": signal.topic or "",
        "SIGNAL_EVENT": signal.event or "",
        "SIGNAL_TIME": signal.time,
    }


def stdin_of(signal: Shown, *, raw: bool, whole: bool) -> bytes:
    """Return what a command finds on its stdin: the message, or the whole signal as a JSON line."""
    text = json_text(signal) if whole else message_text(signal.message, raw=raw)
    return text.encode() + b"\n"


async def run(command: str, stdin: bytes, environment: Mapping[str, str], waiting: Callable[[], None]) -> None:
    """Run a command to its end; if this task is cancelled a second time, the command is ended.

    Args:
        command: For the shell, as the user has written it; nothing is put into it.
        stdin: What it can read.
        environment: Variables besides those of this process.
        waiting: Called if this task is cancelled meanwhile, and only waits for the command.

    Raises:
        RunFailed: It cannot be started with these values, or ended with another status than 0.
        RunImpossible: It cannot be started now.
        RunInterrupted: This task was cancelled meanwhile; the command has come to its end.
    """
    process, interrupted = await _begun(asyncio.ensure_future(_started(command, stdin, environment)), waiting)
    while process.returncode is None:
        try:
            await process.wait()
        except asyncio.CancelledError:
            if interrupted:
                _end(process)
            else:
                waiting()
            interrupted = True
    failed = None if process.returncode == 0 else RunFailed(_told(process.returncode))
    if interrupted:
        raise RunInterrupted(failed)
    if failed is not None:
        raise failed


async def _begun(
    start: asyncio.Task[asyncio.subprocess.Process], waiting: Callable[[], None]
) -> tuple[asyncio.subprocess.Process, bool]:
    """Return the process that is being started, and whether this task was cancelled meanwhile.

    Who is cancelled while it starts a process kills it, although that may have done something already.
    """
    try:
        return await asyncio.shield(start), False
    except asyncio.CancelledError:
        waiting()
    try:
        return await start, True
    except RunFailed as failed:
        raise RunInterrupted(failed) from None
    except RunImpossible:
        raise asyncio.CancelledError from None


async def _started(command: str, stdin: bytes, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        # A file, and not a pipe: a command need not read it, and whatever it leaves running cannot hold anything up.
        file = os.memfd_create("signal")
        try:
            write_all(file, stdin)
            os.lseek(file, 0, os.SEEK_SET)
            # In a group of its own, so that Ctrl-C in a terminal does not end it, too.
            return await asyncio.create_subprocess_exec(
                _SHELL, "-c", command, stdin=file, env={**os.environ, **environment}, process_group=0
            )
        finally:
            os.close(file)
    except ValueError as error:  # a NUL in a value
        raise RunFailed(f"could not be started: {error}") from None
    except OSError as error:
        if error.errno == errno.E2BIG:
            raise RunFailed(f"could not be started: {error.strerror}") from None
        raise RunImpossible(error.strerror or str(error), passing=error.errno in _PASSING) from None
    except RuntimeError as error:  # there can be no thread that waits for it
        raise RunImpossible(str(error), passing=False) from None


def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, signals.SIGTERM)


def _told(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    names = {number.value: number.name for number in signals.Signals}
    return f"was ended by {names.get(-status, f'signal {-status}')}"
