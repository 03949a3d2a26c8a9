"""The second listener of a hub, for metrics and health, and the Unix sockets by which its workers ask each other."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from sse_signals.errors import ConfigurationError
from sse_signals.listening import accept, bound, close, in_url, url_of
from sse_signals.metrics.crew import BEFORE, Crew
from sse_signals.setting_kinds import loopback
from sse_signals.web.metrics_port import MetricsPort, OneSite, WholeCrew, add_families
from sse_signals.web.origins import LOCAL_HOSTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sse_signals.settings import Settings
    from sse_signals.web.metrics_port import Behind
    from sse_signals.web.site import Site

OPTIONS: Final = "--metrics-host and --metrics-port"
ELSEWHERE: Final = "Ask at their own port, which SIGNALS_METRICS_PORT (--metrics-port) names."
LONGEST_FOLDER: Final = 90  # bytes: the path of a Unix socket may have 107, with the name that it has at first
_SHUTDOWN: Final = 1.0  # seconds that a scrape gets at the end


@dataclass(frozen=True, slots=True)
class Membership:
    """What a worker knows of the crew that it belongs to.

    Attributes:
        number: Its own number.
        crew: How the workers of the crew are asked.
        parent: The process that started them.
    """

    number: int
    crew: Crew
    parent: int


@asynccontextmanager
async def own_port(settings: Settings, logger: Any) -> AsyncIterator[Callable[[Behind], Awaitable[None]]]:
    """Have a port for metrics and health, if it is set: bound from the first, and closed last.

    Yields:
        What begins to answer there, for whatever is behind it.

    Raises:
        ConfigurationError: The address is not there, or somebody else has it.
    """
    host, number = settings.metrics_host, settings.metrics_port
    sockets = [] if number is None else await bound(host, number, options=OPTIONS)
    # Who can reach another address is meant to; through a local one, a page on the web must not (DNS rebinding).
    hosts = {*LOCAL_HOSTS, in_url(host)} if loopback(host) else None
    async with AsyncExitStack() as stack:
        stack.callback(close, sockets)

        async def answer_for(behind: Behind) -> None:
            if sockets:
                port = MetricsPort(behind, prefix=settings.prefix, hosts=hosts, logger=logger)
                runner = web.AppRunner(port.application(), handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
                stack.push_async_callback(runner.cleanup)
                await runner.setup()
                for listener in sockets:
                    stack.callback((await accept(runner, listener, asyncio.Event(), options=OPTIONS)).close)
                logger.info("metrics at", url=url_of(sockets, "/metrics"))

        yield answer_for


@asynccontextmanager
async def beside(
    settings: Settings, logger: Any, member: Membership | None
) -> AsyncIterator[Callable[[Site], Awaitable[None]]]:
    """Have what is beside the hub's own port: that of its metrics, or, of a worker, where the others ask for them.

    Args:
        settings: What is set.
        logger: A structlog logger.
        member: What the process knows of its crew, if it belongs to one.

    Yields:
        What begins to answer there for a site.

    Raises:
        ConfigurationError: The address is not there, or somebody else has it.
    """
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(own_port(settings, logger)) if member is None else None

        async def answer_for(site: Site) -> None:
            if settings.metrics_port is not None:
                site.metrics.elsewhere = ELSEWHERE
            if port is not None:
                await port(OneSite(site))
            if member is not None:
                site.metrics.exposition = member.crew.exposition
                await stack.enter_async_context(_worker_socket(site, member, logger))

        yield answer_for


@asynccontextmanager
async def crew_port(settings: Settings, logger: Any) -> AsyncIterator[Crew]:
    """Have a folder in which workers can be asked, and a port that answers for all of them, if it is set.

    Raises:
        ConfigurationError: The folder cannot be made, the address is not there, or somebody else has it.
    """
    folder = await asyncio.to_thread(_folder)  # if this is cancelled, it is removed all the same
    try:
        async with own_port(settings, logger) as answer_for:
            crew = Crew(folder.name, settings.workers)
            await answer_for(WholeCrew(crew))
            yield crew
    finally:
        await asyncio.to_thread(folder.cleanup)


def _folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder that nobody else can enter."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="sse-signals-", ignore_cleanup_errors=True)
    except OSError as error:
        raise ConfigurationError(
            f"Workers need a folder for what they ask each other, and none can be made ({error.strerror}): set TMPDIR "
            "to one in which files can be made."
        ) from None
    if len(os.fsencode(folder.name)) > LONGEST_FOLDER:
        folder.cleanup()
        raise ConfigurationError(
            f"The folder for temporary files, {tempfile.gettempdir()}, is too long for the sockets of workers: set "
            f"TMPDIR to one with less than {LONGEST_FOLDER - 20} bytes."
        )
    return folder


@asynccontextmanager
async def _worker_socket(site: Site, member: Membership, logger: Any) -> AsyncIterator[None]:
    """Answer the other workers, and the process that started them."""
    path = Path(member.crew.socket_of(member.number))
    own = 0
    app = MetricsPort(OneSite(site), prefix="", hosts=None, logger=logger).application()
    add_families(app, site)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            await runner.setup()
            listener.setblocking(False)
            try:
                own = await asyncio.to_thread(_take_place, listener, path)
                await web.SockSite(runner, listener).start()
            except OSError as error:  # somebody has tidied up; clients can be served all the same
                hint = "Something has removed files below TMPDIR, and metrics are not whole: restart the hub."
                logger.warning("worker cannot be asked", reason=error.strerror, folder=str(path.parent), hint=hint)
            yield
        finally:
            await runner.cleanup()
            await asyncio.to_thread(_leave, path, own, member.parent)


def _take_place(listener: socket.socket, path: Path) -> int:
    """Put a socket in the place of whatever was there, so that there always is one; return what it is known by.

    What was there is kept beside it: its worker goes on if this one is not kept.
    """
    first, before = path.with_suffix(f".{os.getpid()}"), path.with_suffix(f".{BEFORE}")
    listener.bind(str(first))
    listener.listen()
    before.unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        before.hardlink_to(path)
    first.replace(path)
    return path.stat().st_ino


def _leave(path: Path, own: int, parent: int) -> None:
    """Remove one's own socket, and the folder after the last one if whoever made it cannot any more."""
    before = path.with_suffix(f".{BEFORE}")
    if _number(path) != own:  # somebody has taken the place
        path = before
    with suppress(OSError):
        if _number(path) == own:
            path.unlink()
        if path != before and before.exists():
            before.rename(path)
        if os.getppid() != parent:
            path.parent.rmdir()


def _number(path: Path) -> int | None:
    """Return what a file is known by, or None if there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None
