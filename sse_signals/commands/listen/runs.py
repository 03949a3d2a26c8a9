"""``--exec``: a command of the shell for each signal, one at a time."""

from __future__ import annotations

import asyncio
import os
import signal as signals
from typing import TYPE_CHECKING

from sse_signals.commands.listen.signal_lines import json_text, message_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.commands.listen.signal_lines import Shown

_SHELL = "/bin/sh"


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


async def run(command: str, stdin: bytes, environment: Mapping[str, str]) -> None:
    """Run a command to its end.

    Args:
        command: For the shell, as the user has written it; nothing is put into it.
        stdin: What it can read.
        environment: Variables besides those of this process.

    Raises:
        RunFailed: It did not start, or ended with another status than 0.
        RunInterrupted: This task was cancelled meanwhile; the command had the time that it needed.
    """
    # A file, and not a pipe: a command need not read it, and whatever it leaves running cannot hold anything up.
    file = os.memfd_create("signal")
    try:
        os.write(file, stdin)
        os.lseek(file, 0, os.SEEK_SET)
        process = await asyncio.create_subprocess_exec(
            _SHELL, "-c", command, stdin=file, env={**os.environ, **environment}
        )
    except (OSError, ValueError) as error:
        raise RunFailed(f"could not be started: {getattr(error, 'strerror', None) or error}") from None
    finally:
        os.close(file)
    ending = asyncio.ensure_future(process.wait())
    interrupted = False
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            interrupted = True
    failed = None if ending.result() == 0 else RunFailed(_told(ending.result()))
    if interrupted:
        raise RunInterrupted(failed)
    if failed is not None:
        raise failed


def _told(status: int) -> str:
    if status > 0:
        return f"ended with status {status}"
    names = {number.value: number.name for number in signals.Signals}
    return f"was ended by {names.get(-status, f'signal {-status}')}"
