"""Several processes that serve one port: started, replaced when they die or on SIGHUP, and ended together.

Each has a listening socket of its own at the port (`SO_REUSEPORT`), among which the kernel spreads connections. They
belong to the process that starts them all, too, so that a connection which waits there outlives a worker. Sockets that
systemd passes are not divided: all workers accept from them.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sse_signals.process import Wishes, heed
from sse_signals.server import seconds_to_end
from sse_signals.staff import NotStarted, Staff
from sse_signals.systemd import NOBODY, Supervisor

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sse_signals.settings import Settings
    from sse_signals.systemd import Told


async def serve(
    settings: Settings,
    logger: Any,
    listening: Callable[[str], object],
    *,
    sockets: Sequence[socket.socket] | None = None,
    heard: Told = NOBODY,
) -> None:
    """Serve with as many processes as are set, until SIGTERM, SIGINT, or an order to drain.

    Another signal later has the drain hurry; when there is nothing to skip, it kills those that are left.

    SIGHUP replaces them one after another; where the log goes to a terminal, it means that the terminal is gone, and
    ends all of them as usual.

    Args:
        settings: What is set.
        logger: A structlog logger.
        listening: Called with the URL of the hub once all of them listen.
        sockets: Where all of them listen, instead of where the settings say.
        heard: What systemd has told.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
        SystemExit: It cannot start for another reason, which is said in one sentence.
    """
    if settings.auth and settings.secret is None:
        settings = replace(settings, secret=secrets.token_urlsafe(32))  # a ticket of one worker is good at all
    wishes, supervisor, renew = Wishes(), Supervisor(heard, logger), asyncio.Event()
    crew = Staff(settings, logger, wishes, supervisor, sockets or ())
    heed(wishes.end, crew.hurry)
    if not sys.stderr.isatty():
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, renew.set)
    serving = asyncio.create_task(crew.serve(renew, listening))
    async with supervisor.watching():
        try:
            awaited: list[asyncio.Future[Any]] = [serving, wishes.ending]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if not wishes.ending.done():  # or workers that were starting may have been told, too, and have ended
                serving.result()
            supervisor.stopping(seconds_to_end(settings))
            logger.info("shutting down", workers=settings.workers)
        except NotStarted as error:
            raise SystemExit(f"sse-signals: {error}") from None
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await crew.end()
    logger.info("stopped")
