"""One of several processes that serve the same port; what starts it is `sse_signals.workers`."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from sse_signals import logs
from sse_signals.errors import ConfigurationError
from sse_signals.server import serve_while

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from sse_signals.server import Running
    from sse_signals.settings import Settings

LISTENS: Final = ""  # what a worker says when it listens; anything else is why it does not


def work(
    number: int, settings: Settings, sockets: Sequence[socket.socket], line: Connection, *, terminal: bool
) -> None:
    """Serve until whoever is at the other end of a line says so or is gone, or until SIGTERM.

    The process ends with 2 if the hub cannot start as it is set.

    Args:
        number: Of this worker, for its logs.
        settings: What is set.
        sockets: Where to listen. Others hold them, too, so that what waits there when this process ends is not lost.
        line: Takes `LISTENS`, or the sentence why it does not. Anything that comes from it means that another process
            already accepts connections on the same sockets, and that this one shall retire.
        terminal: Whether a person reads the log as it comes.
    """
    logs.configure(terminal=terminal, always={"worker": number})
    try:
        asyncio.run(_work(settings, sockets, line))
    except ConfigurationError as error:
        _say(line, str(error))
        sys.exit(2)


async def _work(settings: Settings, sockets: Sequence[socket.socket], line: Connection) -> None:
    stop, replaced = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)

    def told() -> None:
        loop.remove_reader(line.fileno())
        with suppress(EOFError, OSError):  # nobody is there any more
            line.recv()
            replaced.set()
        stop.set()

    async def begun(hub: Running) -> None:
        _say(line, LISTENS)
        await stop.wait()
        if replaced.is_set():
            await hub.leave()

    loop.add_reader(line.fileno(), told)
    await serve_while(begun, settings, structlog.get_logger("sse_signals"), sockets=sockets)


def _say(line: Connection, what: str) -> None:
    with suppress(OSError):  # nobody is there to hear it
        line.send(what)
