"""What the HTTP handlers share: the service they speak for, and the rules they apply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs

from sse_signals.errors import BrokerUnavailable, NotAuthenticated, NotGranted
from sse_signals.identity import ANYBODY
from sse_signals.life.access import tell
from sse_signals.life.deliveries import Deliveries
from sse_signals.life.ledger import Ledger
from sse_signals.life.limits import StreamLimits
from sse_signals.metrics.metrics import Metrics
from sse_signals.retry import RECONNECT
from sse_signals.web import origins
from sse_signals.web.address import NO_PROXIES, client_address
from sse_signals.web.counting import count_refusal
from sse_signals.web.departure import Departure
from sse_signals.web.gate import Gate
from sse_signals.web.limits import Limits
from sse_signals.web.metrics import source_of
from sse_signals.web.problems import Problem, of
from sse_signals.web.publish_log import PublishLog
from sse_signals.web.refusals import Refusals
from sse_signals.web.request_ids import REQUEST_ID, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from aiohttp import web

    from sse_signals.hub.sweep import Sweep
    from sse_signals.identity import Identity
    from sse_signals.life.buckets import Buckets
    from sse_signals.life.lookout import Lookout
    from sse_signals.life.nodes import Nodes
    from sse_signals.life.security import Security
    from sse_signals.life.tickets import Tickets
    from sse_signals.service import Service
    from sse_signals.tracing import Tracing
    from sse_signals.web.address import Proxies


async def anybody(_request: web.BaseRequest) -> Identity:
    """Say of every request that it comes from somebody who may do everything: nobody has to authenticate."""
    return ANYBODY


@dataclass(slots=True)
class Site:
    """One place on the web where a service can be reached.

    Attributes:
        service: The node behind it.
        clock: Returns milliseconds since 1970-01-01 UTC.
        logger: Where requests and streams are told of.
        nodes: The name of this node, and which others there are.
        prefix: The path that all routes begin with.
        limits: What clients may ask for.
        heartbeat: Seconds between two heartbeats.
        send_timeout: Seconds without progress after which a stream is aborted.
        max_stream_age: Seconds after which a stream ends at the latest; 0 lets it stay.
        canary: Seconds between two signals that the node sends itself; 0 for none.
        reconnect: Least and greatest seconds that a stream's client is told to wait before it comes back.
        hosts: Hosts it answers to; None for all.
        cors_origins: Origins of pages that may use it besides its own.
        proxies: Proxies that are believed about where a request comes from.
        identify: Says who sent a request; authentication plugs in here.
        shows: Says whether a request shows a credential, good or not; it is there if there are tickets.
        security: What it knows of who may be there; None where nobody has to authenticate.
        tickets: One-time tickets, if somebody has to authenticate.
        rate: What each identity may still publish, if somebody has to authenticate.
        places: What each identity and address has open.
        log_publishes: The share of the publishes that are logged even if all is well with them.
        publish_log: What tells of publishes.
        tracing: Where traces of publishes go, if anywhere.
        deliveries: The traced publishes that are on their way to a first stream.
        ledger: What is counted of its streams.
        metrics: What is told of all that is counted.
        lookout: What sees the streams of all nodes, once it runs.
        gate: What new streams pass.
        sweep: The sweep over its streams, once it runs.
        departure: How it ends, and how far it has come with that.
        volatile: Whether the log ends with it.
    """

    service: Service
    clock: Callable[[], int]
    logger: Any  # any structlog logger
    nodes: Nodes
    prefix: str = "/signals"
    limits: Limits = field(default_factory=Limits)
    heartbeat: float = 15.0
    send_timeout: float = 30.0
    max_stream_age: float = 0.0
    canary: float = 0.0
    reconnect: tuple[float, float] = RECONNECT
    hosts: Collection[str] | None = origins.LOCAL_HOSTS
    cors_origins: Collection[str] = frozenset()
    proxies: Proxies = NO_PROXIES
    identify: Callable[[web.BaseRequest], Awaitable[Identity]] = anybody
    shows: Callable[[web.BaseRequest], bool] = field(init=False)
    security: Security | None = None
    tickets: Tickets | None = None
    rate: Buckets | None = None
    places: StreamLimits = field(init=False)
    refusals: Refusals = field(init=False)
    log_publishes: float = 0.01
    publish_log: PublishLog = field(init=False)
    tracing: Tracing | None = None
    deliveries: Deliveries = field(default_factory=Deliveries)
    ledger: Ledger = field(default_factory=Ledger)
    metrics: Metrics = field(init=False)
    lookout: Lookout | None = None
    gate: Gate = field(default_factory=Gate)
    sweep: Sweep | None = None
    departure: Departure = field(default_factory=Departure)
    volatile: bool = False

    def __post_init__(self) -> None:
        self.refusals = Refusals(self.logger, self.clock)
        self.metrics = Metrics(source_of(self))
        self.publish_log = PublishLog(self.logger, self.clock, share=self.log_publishes, node=self.nodes.own)
        self.places = StreamLimits(
            per_identity=self.limits.streams_per_identity, per_address=self.limits.streams_per_address
        )

    @property
    def draining(self) -> bool:
        """Whether it is about to end."""
        return self.departure.begun.is_set()

    @property
    def busy(self) -> str | None:
        """Why it takes no streams at the moment, or None."""
        return "shutdown" if self.draining else self.shut

    @property
    def shut(self) -> str | None:
        """Why not even those who poll are let in at the moment, or None."""
        if self.departure.closing:
            return "shutdown"
        if self.sweep is None or not self.service.started or (self.security and not self.security.in_step):
            return "starting"
        return "full" if len(self.sweep) >= self.limits.streams else None

    @property
    def ready(self) -> bool:
        """Whether it takes requests: neither starting, nor draining, nor cut off from the log."""
        known = self.security is None or self.security.in_step
        return self.service.ready and known and self.sweep is not None and not self.draining

    def address(self, request: web.BaseRequest) -> str:
        """Return where a request comes from, for limits and logs."""
        return client_address(request, self.proxies)

    def name_stream(self) -> str:
        """Return a name for a new stream that nobody can guess."""
        return self.nodes.name_stream()

    def no_longer(self, identity: Identity) -> str | None:
        """Say why somebody who was let in may not stay, or None."""
        try:
            self.check(identity)
        except NotAuthenticated as error:
            return error.cause
        return None

    def check(self, identity: Identity) -> None:
        """Check again what may have changed since somebody was let in.

        Raises:
            NotAuthenticated: It has expired or is revoked.
        """
        if self.security is not None:
            self.security.access.check(identity)

    def tell(self, error: NotAuthenticated, request: web.BaseRequest) -> None:
        """Count a refusal, and write its one log line."""
        self.ledger.authentications[error.cause] += 1
        tell(self.logger, error, self.address(request), request_id(request))

    def check_admin(self, identity: Identity) -> None:
        """Refuse whoever is no administrator.

        Raises:
            NotGranted: 403.
        """
        if not identity.grants.admin:
            hint = "Ask the operator of the hub for the grant 'admin'."
            raise NotGranted("Only an administrator may do this.", field="Authorization", hint=hint)

    def admit(self, request: web.BaseRequest) -> None:
        """Apply the rules that hold for every request.

        Raises:
            Problem: It breaks one.
        """
        origins.check_host(request, self.hosts)
        if hdrs.UPGRADE in request.headers:
            hint = "Leave the Upgrade header out."
            raise Problem(400, "no-upgrade", "There is no other protocol here.", hint=hint, close=True)

    def check_origin(self, request: web.BaseRequest) -> None:
        """Refuse pages that may not use the hub.

        Raises:
            Problem: 403.
        """
        origins.check_origin(request, self.cors_origins)

    def cors(self, request: web.BaseRequest) -> Mapping[str, str]:
        """Return the headers that every response to this request carries, its id among them."""
        headers = origins.cors(request, self.cors_origins)
        headers[REQUEST_ID] = request_id(request)
        return headers

    def answer(self, request: web.BaseRequest, error: Exception) -> web.Response:
        """Return the answer to a request that failed; what nobody foresaw is logged and becomes a 500."""
        problem = of(error)
        count_refusal(self, request, error)
        if isinstance(error, BrokerUnavailable):
            self.refusals.tell(error, request_id(request))
        if problem.status == 500:
            told = {"path": request.path, "request_id": request_id(request)}
            if request.transport is None:  # nobody waits for the answer, and what failed is mostly just that
                self.logger.info("client gone during its request", **told, error=repr(error))
            else:
                self.logger.error("request failed", **told, exc_info=error)
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
