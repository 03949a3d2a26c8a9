"""The hub as a server of its own: listen, say so, serve until a signal comes, leave in good order."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import web

from sse_signals.authenticators import authenticators
from sse_signals.clock import wall_clock_ms
from sse_signals.configured import add_service, tracing_of
from sse_signals.listening import accept, bound, close, url_of
from sse_signals.own_port import beside
from sse_signals.process import Wishes, check_machine, heed, rare_collections, told_once_a_second
from sse_signals.setting_kinds import without_password
from sse_signals.systemd import NOBODY, Supervisor, until

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sse_signals.app import SignalsService
    from sse_signals.own_port import Membership
    from sse_signals.settings import Settings
    from sse_signals.systemd import Told
    from sse_signals.web.site import Site

GRACE: Final = 15.0  # seconds that an end may take besides the drain's delay and window, and what its streams take
ENDED_A_SECOND: Final = 500  # streams, even where a core is shared by many
MOST_ENDED: Final = 100_000  # streams that are reckoned with, since a higher limit stands for none
LEAVING: Final = 1.0  # seconds in which connections move to another process that listens on the same sockets
_LOOK_EVERY: Final = 0.02  # seconds between two looks whether connections are left
_SHUTDOWN: Final = 2.0  # seconds that other requests get at the end


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that listens.

    Attributes:
        url: Where, with the prefix of its routes.
        service: The hub.
        listeners: What accepts connections.
        leaving: Is set from when each connection ends with the next answer.
    """

    url: str
    service: SignalsService
    listeners: list[asyncio.Server]
    leaving: asyncio.Event

    @property
    def ready(self) -> bool:
        """Whether it follows its log and takes requests."""
        return self.service.site.ready

    def grant(self, wishes: Wishes) -> None:
        """End when that is wished, and hurry."""
        site = self.service.site
        wishes.grant(lambda why: site.departure.begin(site, why), site.departure.hurry)

    def retire(self) -> None:
        """Accept no more connections, because others do on the same sockets, and drain; nobody has to notice first.

        Connections that are there have a second left. Who asks something meanwhile gets the answer, and is told to come
        back over another connection: one that were closed just when a request is on its way would lose it.
        """
        self.leaving.set()
        self.close()
        self.service.site.departure.begin(self.service.site, "replaced", delay=LEAVING)

    async def drains(self) -> None:
        """Wait until it begins to drain, whoever wants it to."""
        await self.service.site.departure.begun.wait()

    def close(self) -> None:
        """Accept no more connections."""
        for listener in self.listeners:
            listener.close()


@asynccontextmanager
async def running(
    settings: Settings,
    logger: Any,
    *,
    clock: Callable[[], int] = wall_clock_ms,
    sockets: Sequence[socket.socket] | None = None,
    member: Membership | None = None,
) -> AsyncIterator[Running]:
    """Run a hub for as long as the context lasts, and end its streams in good order.

    Args:
        settings: What is set.
        logger: A structlog logger.
        clock: Milliseconds since 1970-01-01 UTC.
        sockets: Where to listen, instead of where the settings say; they are closed at the end.
        member: What it knows of its crew, if it is a worker.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    async with (
        beside(settings, logger, member) as answer_beside,
        _running(settings, logger, clock, sockets, answer_beside) as hub,
    ):
        yield hub


@asynccontextmanager
async def _running(
    settings: Settings,
    logger: Any,
    clock: Callable[[], int],
    sockets: Sequence[socket.socket] | None,
    answer_beside: Callable[[Site], Awaitable[None]],
) -> AsyncIterator[Running]:
    app = web.Application(logger=logger)
    # Files are read at the start, and not in the loop that a test watches for calls that block.
    assembled = await asyncio.to_thread(authenticators, settings, clock=clock, logger=logger)
    tracing = await asyncio.to_thread(tracing_of, settings)
    service = add_service(app, settings, assembled, tracing, logger=logger, clock=clock)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
    try:
        await runner.setup()
        if sockets is None:
            sockets = await bound(settings.host, settings.port)
        leaving = asyncio.Event()
        hub = Running(url_of(sockets, settings.prefix), service, [], leaving)
        try:
            for listener in sockets:
                hub.listeners.append(await accept(runner, listener, leaving))
            await answer_beside(service.site)
            yield hub
            unhurried = settings.drain_delay + settings.drain_window > 0
            if unhurried:
                leaving.set()  # a proxy that keeps connections shall not use one that is just being closed
            await service.drain("shutdown")  # while it still listens: who comes now is told to come back
            hub.close()
            if unhurried:
                await _left(cast("web.Server", runner.server))
        finally:
            hub.close()
    finally:
        service.site.departure.hurry()  # if an error ends it
        close(sockets or ())
        await runner.cleanup()


async def _left(server: web.Server) -> None:
    """Give connections that are there some time for a request that is on its way: most proxies do not repeat it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEAVING):
            while server.connections:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(_LOOK_EVERY)


async def serve(
    settings: Settings,
    logger: Any,
    listening: Callable[[str], object],
    *,
    sockets: Sequence[socket.socket] | None = None,
    heard: Told = NOBODY,
) -> None:
    """Serve until SIGTERM, SIGINT or an order to drain; another signal has the drain hurry.

    Args:
        settings: What is set.
        logger: A structlog logger.
        listening: Called with the URL of the hub once it listens.
        sockets: Where to listen, instead of where the settings say; they are closed at the end.
        heard: What systemd has told.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    wishes, supervisor = Wishes(), Supervisor(heard, logger)
    heed(wishes.end, wishes.hurry)

    async def begun(hub: Running) -> None:
        logger.info("listening", url=hub.url, broker=without_password(settings.broker))
        listening(hub.url)
        hub.grant(wishes)
        await following(hub, supervisor.ready)
        supervisor.stopping(seconds_to_end(settings))

    async with supervisor.watching():
        await serve_while(begun, settings, logger, sockets=sockets)


async def following(hub: Running, follows: Callable[[], object]) -> None:
    """Wait until a hub drains.

    Args:
        hub: The hub.
        follows: Called once it follows its log, unless it drains before.
    """
    await until(lambda: hub.ready or hub.service.site.draining)
    if hub.ready:
        follows()
    await hub.drains()


def grace(settings: Settings) -> float:
    """Return how many seconds an end may take besides the drain's delay and window."""
    return GRACE + min(settings.max_streams, MOST_ENDED) / ENDED_A_SECOND


def seconds_to_end(settings: Settings) -> float:
    """Return how long a good end takes at most: more than draining, leaving, lingering and stopping may take."""
    return settings.drain_delay + settings.drain_window + grace(settings)


async def serve_while(
    begun: Callable[[Running], Awaitable[object]],
    settings: Settings,
    logger: Any,
    *,
    sockets: Sequence[socket.socket] | None = None,
    member: Membership | None = None,
) -> None:
    """Serve as the only task of a process.

    Args:
        begun: Is called with the hub once it listens; the hub ends when it returns.
        settings: What is set.
        logger: A structlog logger.
        sockets: Where to listen, instead of where the settings say; they are closed at the end.
        member: What it knows of its crew, if it is a worker.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    asyncio.get_running_loop().set_exception_handler(told_once_a_second(logger))
    async with running(settings, logger, sockets=sockets, member=member) as hub:
        check_machine(settings, logger)
        with rare_collections():
            await begun(hub)
        logger.info("shutting down", streams=hub.service.streams)
    logger.info("stopped")
