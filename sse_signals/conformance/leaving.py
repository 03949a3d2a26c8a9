"""Making a hub leave: by a command of the user's, or by a request of its description."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Final

from sse_signals.conformance.outcome import NotTried

if TYPE_CHECKING:
    from sse_signals.conformance.hub import Hub

_SHOWN: Final = 200  # characters of what a command said


async def leave(hub: Hub) -> None:
    """Make a hub leave.

    Raises:
        NotTried: The command fails, or the request is refused.
    """
    if hub.drain_command is not None:
        await run(hub.drain_command)
        return
    how = hub.adapter.drain
    body, content = (how.body.encode(), {"Content-Type": "application/json"}) if how.body else (b"", {})
    answer = await hub.ask(hub.requests.plain(how.method, how.path, content, body=body))
    if answer.status >= 300:
        raise NotTried(f"the request that makes it leave is answered with {answer.status}")


async def run(command: str) -> None:
    """Run a command of the user's shell; whoever stops waiting ends it.

    Raises:
        NotTried: It fails; the text holds the last line that it said.
    """
    starting = asyncio.create_task(
        asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        process = await asyncio.shield(starting)  # cancelled halfway, it would end the shell, and not its children
        _, said = await process.communicate()
    except asyncio.CancelledError:
        await _end(starting)
        raise
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2][:_SHOWN]
        raise NotTried(f"the command of --drain ended with status {process.returncode}{f': {last}' if last else ''}")


async def _end(starting: asyncio.Task[asyncio.subprocess.Process]) -> None:
    """End a command that may be starting still, and all its children."""
    with contextlib.suppress(OSError):
        process = await starting
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
