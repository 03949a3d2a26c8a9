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
from sse_signals.process import Wishes, heed
from sse_signals.server import following, serve_while

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from sse_signals.own_port import Membership
    from sse_signals.server import Running
    from sse_signals.settings import Settings

LISTENS: Final = ""  # what a worker says first when it listens; anything else is why it does not
FOLLOWS: Final = "follows"  # what it says when it follows its log
DRAINS: Final = "drains"  # what it says when it was ordered to drain, by a request or through the log
RETIRE: Final = "retire"  # what it is told when another takes its place; anything else is why all shall end


def work(
    member: Membership, settings: Settings, sockets: Sequence[socket.socket], line: Connection, *, terminal: bool
) -> None:
    """Serve until whoever is at the other end of a line says so or is gone, until SIGTERM, or until an order to drain.

    The process ends with 2 if the hub cannot start as it is set.

    Args:
        member: What this worker knows of its crew: its number, which is in its logs, and how the others are asked.
        settings: What is set.
        sockets: Where to listen. Others hold them, too, so that what waits there when this process ends is not lost.
        line: Takes `LISTENS`, or the sentence why it does not, and later `FOLLOWS` and `DRAINS`. What comes from it is
            why this one shall end, or `RETIRE`: another process already accepts connections on the same sockets. The
            end of the line means that there is no time to do it slowly.
        terminal: Whether a person reads the log as it comes.
    """
    logs.configure(terminal=terminal, always={"worker": member.number})
    try:
        asyncio.run(_work(member, settings, sockets, line))
    except ConfigurationError as error:
        _say(line, str(error))
        sys.exit(2)


async def _work(member: Membership, settings: Settings, sockets: Sequence[socket.socket], line: Connection) -> None:
    loop = asyncio.get_running_loop()
    wishes = Wishes()
    replaced: asyncio.Future[None] = loop.create_future()
    passing: set[asyncio.Task[None]] = set()  # an event loop alone does not keep a task
    heed(wishes.end, wishes.hurry, numbers=(signal.SIGTERM,))

    def told() -> None:
        try:
            word = line.recv()
        except (EOFError, OSError):  # nobody is there any more
            loop.remove_reader(line.fileno())
            wishes.end("the hub is gone")
            wishes.hurry()
            return
        if word == RETIRE:
            replaced.set_result(None)
        else:
            wishes.end(word)

    async def begun(hub: Running) -> None:
        _say(line, LISTENS)
        hub.grant(wishes)
        replaced.add_done_callback(lambda _: hub.retire())
        passing.add(asyncio.create_task(pass_on(hub)))
        await following(hub, lambda: _say(line, FOLLOWS))

    async def pass_on(hub: Running) -> None:
        await hub.service.site.departure.ordered.wait()  # even when this one drains already, since it is replaced
        _say(line, DRAINS)

    loop.add_reader(line.fileno(), told)
    await serve_while(begun, settings, structlog.get_logger("sse_signals"), sockets=sockets, member=member)


def _say(line: Connection, what: str) -> None:
    with suppress(OSError):  # nobody is there to hear it
        line.send(what)
