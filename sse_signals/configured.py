"""The hub as it is set up: from settings to the service and what that stands on."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sse_signals.app import SignalsService
from sse_signals.authenticators import authentication_of
from sse_signals.broker_options import BrokerOptions
from sse_signals.errors import ConfigurationError
from sse_signals.event_broker import EventBroker
from sse_signals.extras import install
from sse_signals.listening import in_url
from sse_signals.model import HistoryLimits
from sse_signals.settings import variable
from sse_signals.web.limits import Limits
from sse_signals.web.origins import LOCAL_HOSTS
from sse_signals.web.routes import not_found

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web

    from sse_signals.authenticators import Assembled
    from sse_signals.settings import Settings
    from sse_signals.tracing import Tracing


def add_service(
    app: web.Application,
    settings: Settings,
    assembled: Assembled,
    tracing: Tracing | None,
    *,
    logger: Any,
    clock: Callable[[], int],
) -> SignalsService:
    """Serve signals from an application that is all the hub's, as it is set up.

    Args:
        app: The application.
        settings: What is set.
        assembled: What finds out who is there, where anybody has to authenticate.
        tracing: Where traces go, if anywhere.
        logger: A structlog logger.
        clock: Milliseconds since 1970-01-01 UTC.

    Raises:
        ConfigurationError: The log cannot be used as it is set.
    """
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
        canary=settings.canary,
        drain_delay=settings.drain_delay,
        drain_window=settings.drain_window,
        max_stream_age=settings.max_stream_age,
        limits=limits_of(settings),
        allowed_hosts=None if settings.insecure or settings.auth else {*LOCAL_HOSTS, in_url(settings.host)},
        cors_origins=settings.cors_origins,
        trusted_proxies=settings.trusted_proxies,
        authentication=authentication_of(settings, assembled) if settings.auth else None,
        logger=logger,
        log_publishes=settings.log_publishes,
        tracing=tracing,
    )
    app.router.add_route("*", "/{tail:.*}", not_found(service.site), expect_handler=service.site.expect)
    return service


def tracing_of(settings: Settings) -> Tracing | None:
    """Return where traces go, if that is set. It reads files, and connects to nobody.

    Raises:
        ConfigurationError: What that needs is not installed, or OpenTelemetry's own variables are wrong.
    """
    if not settings.tracing:
        return None
    try:
        room = import_module("sse_signals.otel")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "opentelemetry":
            raise
        raise ConfigurationError(
            f"{variable('tracing')} is true, which needs OpenTelemetry: {install('otel')}"
        ) from None
    try:
        tracing: Tracing = room.OtelTracing()
    except ValueError as error:
        raise ConfigurationError(
            f"{variable('tracing')} is true, but one of the OTEL_ variables is wrong: {error}"
        ) from None
    return tracing


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


def limits_of(settings: Settings) -> Limits:
    """Return what clients may ask for."""
    return Limits(
        message=settings.max_message,
        body=settings.max_body,
        streams=settings.max_streams,
        streams_per_identity=settings.max_streams_per_identity,
        streams_per_address=settings.max_streams_per_address,
        publish_rate=settings.publish_rate,
        publish_burst=settings.publish_burst,
    )
