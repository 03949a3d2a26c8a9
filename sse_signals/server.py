"""The hub as a server of its own: listen, say so, serve until a signal comes, leave in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import ClientPayloadError, web

from sse_signals.app import SignalsService
from sse_signals.authenticators import authentication_of, authenticators
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import ConfigurationError
from sse_signals.event_broker import EventBroker
from sse_signals.model import HistoryLimits
from sse_signals.process import check_machine, rare_collections, told_once_a_second
from sse_signals.web.origins import LOCAL_HOSTS
from sse_signals.web.problems import Problem, internal_error
from sse_signals.web.routes import not_found
from sse_signals.web.site import Limits

if TYPE_CHECKING:
    import logging
    from collections.abc import AsyncIterator, Callable

    from sse_signals.authenticators import Assembled
    from sse_signals.settings import Settings

BACKLOG: Final = 4096  # connections that may wait to be accepted: a whole fleet reconnects at once
ACCEPTED_AT_ONCE: Final = 8  # connections accepted in one turn of the loop, so that a fleet does not stop it for long
KEEP_ALIVE: Final = 15.0  # seconds that a connection may stay without a request, or with half a request's head
LINGER: Final = 2.0  # seconds of reading on after an early answer, so that the client gets to see it
_NO_LOG: Final = cast("logging.Logger", None)  # what aiohttp takes for "none", though its types say otherwise
_VARY: Final = {"Vary": "Origin, Authorization, Cookie"}
_SHUTDOWN: Final = 2.0  # seconds that other requests get at the end


class HttpConnection(web.RequestHandler):
    """`aiohttp`'s connection, with answers to broken requests that people can act on and logs without their content."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        """Take bytes; whoever waits for the rest of a body learns when its framing turns out to be broken."""
        super().data_received(data)
        request = self._current_request
        # Nothing can come after a body that is not complete, but for the news that the parser gave up.
        if self._messages and request is not None and not request.content.is_eof():
            request.content.set_exception(ClientPayloadError("the framing is broken"))
            request.content.feed_eof()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; the router's own, for a target that is no path (``*``, CONNECT), as a problem."""
        if isinstance(resp, web.HTTPException):
            resp = Problem(
                404, "not-found", "The request's target is no path.", hint="Ask for a path such as /signals/stream."
            ).response(_VARY)
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp passes it
    ) -> web.StreamResponse:
        """Answer a request that could not be parsed (400), or whose handler failed (500).

        Raises:
            ConnectionError: A response has begun, so that none can be sent.
        """
        if status == 400:
            # The exception holds the start of what was sent, maybe a token: only its kind is logged.
            self.logger.info("broken request refused: %s", type(exc).__name__)
            problem = Problem(
                400,
                "bad-request",
                "The request is not well-formed HTTP/1.1, or a line of its head is longer than 8190 bytes.",
                hint="Check the request line and headers; with many topic filters, use a prefix such as 'orders/*'.",
                close=True,
            )
        else:
            self.logger.error("request failed", exc_info=exc)
            problem = internal_error()
            problem.close = True
        if request.writer.output_size > 0:
            raise ConnectionError("a response has begun")
        return problem.response(_VARY)


@dataclass(frozen=True, slots=True)
class Running:
    """A hub that listens.

    Attributes:
        url: Where, with the prefix of its routes.
        service: The hub.
    """

    url: str
    service: SignalsService


@asynccontextmanager
async def running(
    settings: Settings, logger: Any, *, clock: Callable[[], int] = wall_clock_ms
) -> AsyncIterator[Running]:
    """Run a hub for as long as the context lasts, and end its streams in good order.

    Args:
        settings: What is set.
        logger: A structlog logger.
        clock: Milliseconds since 1970-01-01 UTC.

    Raises:
        ConfigurationError: The hub cannot start as it is set.
    """
    app = web.Application(logger=logger)
    # Files are read at the start, and not in the loop that a test watches for calls that block.
    assembled = await asyncio.to_thread(authenticators, settings, clock=clock, logger=logger)
    service = _add_service(app, settings, assembled, logger=logger, clock=clock)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    try:
        server = await _listen(runner, settings)
        try:
            yield Running(_url(server, settings), service)
            await service.drain()  # while it still listens: who comes now is told to come back
        finally:
            server.close()
    finally:
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
    loop.set_exception_handler(told_once_a_second(logger))
    async with running(settings, logger) as hub:
        check_machine(settings, logger)
        logger.info("listening", url=hub.url, broker=settings.broker)
        with rare_collections():
            listening(hub.url)
            await stop.wait()
        logger.info("shutting down", streams=hub.service.streams)
    logger.info("stopped")


def _add_service(
    app: web.Application, settings: Settings, assembled: Assembled, *, logger: Any, clock: Callable[[], int]
) -> SignalsService:
    history = HistoryLimits(settings.history_count, settings.history_bytes, settings.history_age)
    event_broker = EventBroker.from_url(settings.broker, history=history, logger=logger, clock=clock)
    service = SignalsService.create(
        app,
        event_broker=event_broker,
        prefix=settings.prefix,
        heartbeat=settings.heartbeat,
        send_timeout=settings.send_timeout,
        limits=_limits(settings),
        allowed_hosts=None if settings.insecure or settings.auth else {*LOCAL_HOSTS, _in_url(settings.host)},
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        authentication=authentication_of(settings, assembled) if settings.auth else None,
        logger=logger,
    )
    app.router.add_route("*", "/{tail:.*}", not_found(service.site), expect_handler=service.site.expect)

    async def close(_app: web.Application) -> None:
        await event_broker.close()

    app.on_cleanup.append(close)
    return service


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


async def _listen(runner: web.AppRunner, settings: Settings) -> asyncio.Server:
    manager = cast("web.Server", runner.server)  # it is there, since the runner is set up
    loop = asyncio.get_running_loop()

    def accept() -> HttpConnection:
        return HttpConnection(
            manager,
            loop=loop,
            access_log=_NO_LOG,  # it would write queries; streams have records of their own
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGER,
        )

    try:
        # asyncio takes `backlog` for the number of connections to accept at a time, too.
        server = await loop.create_server(accept, settings.host, settings.port, backlog=ACCEPTED_AT_ONCE)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigurationError(
            f"Cannot listen on {settings.host} port {settings.port}: {reason}; choose another with --host and --port."
        ) from None
    for listener in server.sockets:
        with socket.socket(fileno=os.dup(listener.fileno())) as same:
            same.listen(BACKLOG)
    return server


def _url(server: asyncio.Server, settings: Settings) -> str:
    host, port = server.sockets[0].getsockname()[:2]
    return f"http://{_in_url(host)}:{port}{settings.prefix}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
