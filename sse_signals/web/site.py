"""What the HTTP handlers share: the service they speak for, and the rules they apply."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sse_signals.errors import SignalsError
from sse_signals.identity import ANONYMOUS
from sse_signals.web import origins
from sse_signals.web.gate import Gate
from sse_signals.web.problems import Problem, internal_error, of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from aiohttp import web

    from sse_signals.hub.sweep import Sweep
    from sse_signals.identity import Identity
    from sse_signals.service import Service


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a client may ask for.

    Attributes:
        message: Bytes of one message's JSON text.
        body: Bytes of a request body.
        body_timeout: Seconds in which a request body has to arrive.
        streams: Streams open at once.
    """

    message: int = 64 * 1024
    body: int = 1024 * 1024
    body_timeout: float = 10.0
    streams: int = 10_000


def anonymous(_request: web.BaseRequest) -> Identity:
    """Say of every request that it comes from somebody anonymous."""
    return ANONYMOUS


@dataclass(slots=True)
class Site:
    """One place on the web where a service can be reached.

    Attributes:
        service: The node behind it.
        clock: Returns milliseconds since 1970-01-01 UTC.
        logger: Where requests and streams are told of.
        prefix: The path that all routes begin with.
        limits: What clients may ask for.
        heartbeat: Seconds between two heartbeats.
        send_timeout: Seconds without progress after which a stream is aborted.
        hosts: Hosts it answers to; None for all.
        cors_origins: Origins of pages that may use it besides its own.
        identify: Says who is listening; authentication plugs in here.
        gate: What new streams pass.
        sweep: The sweep over its streams, once it runs.
        draining: Whether it is about to end.
        empty: Is set whenever the last of its streams was closed.
    """

    service: Service
    clock: Callable[[], int]
    logger: Any  # any structlog logger
    prefix: str = "/signals"
    limits: Limits = field(default_factory=Limits)
    heartbeat: float = 15.0
    send_timeout: float = 30.0
    hosts: Collection[str] | None = origins.LOCAL_HOSTS
    cors_origins: Collection[str] = frozenset()
    identify: Callable[[web.BaseRequest], Identity] = anonymous
    gate: Gate = field(default_factory=Gate)
    sweep: Sweep | None = None
    draining: bool = False
    empty: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def busy(self) -> str | None:
        """Why it takes no streams at the moment, or None."""
        if self.draining:
            return "shutdown"
        if self.sweep is None or not self.service.started:
            return "starting"
        return "full" if len(self.sweep) >= self.limits.streams else None

    @property
    def ready(self) -> bool:
        """Whether it takes requests: neither starting, nor draining, nor cut off from the log."""
        return self.service.ready and self.sweep is not None and not self.draining

    def admit(self, request: web.BaseRequest) -> None:
        """Apply the rules that hold for every request.

        Raises:
            Problem: It breaks one.
        """
        origins.check_host(request, self.hosts)
        if "Upgrade" in request.headers:
            hint = "Leave the Upgrade header out."
            raise Problem(400, "no-upgrade", "There is no other protocol here.", hint=hint, close=True)

    def check_origin(self, request: web.BaseRequest) -> None:
        """Refuse pages that may not use the hub.

        Raises:
            Problem: 403.
        """
        origins.check_origin(request, self.cors_origins)

    def cors(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the headers that every response to this request carries."""
        return origins.cors(request, self.cors_origins)

    def answer(self, request: web.BaseRequest, error: Exception) -> web.Response:
        """Return the answer to a request that failed; what nobody foresaw is logged and becomes a 500."""
        match error:
            case Problem():
                problem = error
            case SignalsError():
                problem = of(error)
            case _:
                problem = internal_error()
        if problem.status == 500:
            if request.transport is None:  # nobody waits for the answer, and what failed is mostly just that
                self.logger.info("client gone during its request", path=request.path, error=repr(error))
            else:
                self.logger.error("request failed", path=request.path, exc_info=error)
        return problem.response(self.cors(request))

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """Look at an ``Expect`` header where no body is wanted: the answer itself is what the client waits for."""
        # RFC 9110, section 10.1.1: in a request of HTTP/1.0 it means nothing.
        if request.version < (1, 1) or request.headers.get("Expect", "").lower() == "100-continue":
            return None
        problem = Problem(
            417, "expectation", "Only 100-continue can be expected.", hint="Leave out Expect.", close=True
        )
        return self.answer(request, problem)

    def guarded(
        self, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return a handler that applies the rules first, and whose errors become problem documents."""

        async def guarded_handler(request: web.Request) -> web.StreamResponse:
            try:
                self.admit(request)
                return await handler(request)
            except Exception as error:  # noqa: BLE001 - every failure gets an answer
                return self.answer(request, error)

        return guarded_handler
