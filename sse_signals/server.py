"""The hub as a server of its own: listen, say so, serve until a signal comes, leave in good order."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from sse_signals.app import SignalsService
from sse_signals.authenticators import authentication_of, authenticators
from sse_signals.broker_options import BrokerOptions
from sse_signals.clock import wall_clock_ms
from sse_signals.event_broker import EventBroker
from sse_signals.listening import accept, bound, close, in_url, url_of
from sse_signals.model import HistoryLimits
from sse_signals.process import check_machine, rare_collections, told_once_a_second
from sse_signals.setting_kinds import without_password
from sse_signals.web.limits import Limits
from sse_signals.web.origins import LOCAL_HOSTS
from sse_signals.web.routes import not_found

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from sse_signals.authenticators import Assembled
    from sse_signals.settings import Settings

LEAVING: Final = 1.0  # seconds in which connections move to another process that listens on the same sockets
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

    async def leave(self) -> None:
        """Accept no more connections, because others do on the same sockets; those that are there have a second left.

        Who asks something meanwhile gets the answer, and is told to come back over another connection: one that were
        closed just when a request is on its way would lose it.
        """
        self.leaving.set()
        self.close()
        await asyncio.sleep(LEAVING)

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
) -> AsyncIterator[Running]:
    """Run a hub for as long as the context lasts, and end its streams in good order.

    Args:
        settings: What is set.
        logger: A structlog logger.
        clock: Milliseconds since 1970-01-01 UTC.
        sockets: Where to listen, instead of where the settings say; they are closed at the end.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    app = web.Application(logger=logger)
    # Files are read at the start, and not in the loop that a test watches for calls that block.
    assembled = await asyncio.to_thread(authenticators, settings, clock=clock, logger=logger)
    service = _add_service(app, settings, assembled, logger=logger, clock=clock)
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
            yield hub
            await service.drain()  # while it still listens: who comes now is told to come back
        finally:
            hub.close()
    finally:
        close(sockets or ())
        await runner.cleanup()


async def serve(settings: Settings, logger: Any, listening: Callable[[str], object]) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        settings: What is set.
        logger: A structlog logger.
        listening: Called with the URL of the hub once it listens.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    async def begun(hub: Running) -> None:
        logger.info("listening", url=hub.url, broker=without_password(settings.broker))
        listening(hub.url)
        await stop.wait()

    await serve_while(begun, settings, logger)


async def serve_while(
    begun: Callable[[Running], Awaitable[object]],
    settings: Settings,
    logger: Any,
    *,
    sockets: Sequence[socket.socket] | None = None,
) -> None:
    """Serve as the only task of a process.

    Args:
        begun: Is called with the hub once it listens; the hub ends when it returns.
        settings: What is set.
        logger: A structlog logger.
        sockets: Where to listen, instead of where the settings say; they are closed at the end.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    asyncio.get_running_loop().set_exception_handler(told_once_a_second(logger))
    async with running(settings, logger, sockets=sockets) as hub:
        check_machine(settings, logger)
        with rare_collections():
            await begun(hub)
        logger.info("shutting down", streams=hub.service.streams)
    logger.info("stopped")


def _add_service(
    app: web.Application, settings: Settings, assembled: Assembled, *, logger: Any, clock: Callable[[], int]
) -> SignalsService:
    event_broker = EventBroker.from_url(
        settings.broker, history=history_limits(settings), options=broker_options(settings), logger=logger, clock=clock
    )

    async def let_go(_app: web.Application) -> AsyncIterator[None]:
        yield
        await event_broker.close()

    app.cleanup_ctx.append(let_go)  # first, and so closed last, even if the service does not start
    service = SignalsService.create(
        app,
        event_broker=event_broker,
        prefix=settings.prefix,
        heartbeat=settings.heartbeat,
        send_timeout=settings.send_timeout,
        limits=_limits(settings),
        allowed_hosts=None if settings.insecure or settings.auth else {*LOCAL_HOSTS, in_url(settings.host)},
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        authentication=authentication_of(settings, assembled) if settings.auth else None,
        logger=logger,
    )
    app.router.add_route("*", "/{tail:.*}", not_found(service.site), expect_handler=service.site.expect)

    return service


def broker_options(settings: Settings) -> BrokerOptions:
    """Return what is set about the log besides its URL."""
    return BrokerOptions(
        name=settings.broker_name,
        idempotency_window=settings.idempotency_window,
        sqlite_synchronous="normal" if settings.sqlite_synchronous == "normal" else "full",
        nats_replicas=settings.nats_replicas,
        redis_volatile=settings.redis_volatile,
    )


def history_limits(settings: Settings) -> HistoryLimits:
    """Return how much of the log is kept."""
    return HistoryLimits(settings.history_count, settings.history_bytes, settings.history_age)


def _limits(settings: Settings) -> Limits:
    return Limits(
        message=settings.max_message,
        body=settings.max_body,
        streams=settings.max_streams,
        streams_per_identity=settings.max_streams_per_identity,
        streams_per_address=settings.max_streams_per_address,
        publish_rate=settings.publish_rate,
        publish_burst=settings.publish_burst,
    )
