"""Composition: the one place that knows which classes stand behind the interfaces."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Any

from sse_signals.errors import ConfigurationError, IssuerUnavailable
from sse_signals.hub.sweep import Sweep
from sse_signals.life.access import Access
from sse_signals.life.authentication import Authentication
from sse_signals.life.limits import FailedAuthentications, publish_rate
from sse_signals.life.lives import Lives
from sse_signals.life.lookout import Lookout
from sse_signals.life.nodes import Nodes
from sse_signals.life.overview import Overview
from sse_signals.life.revocations import Revocations
from sse_signals.life.security import Security
from sse_signals.life.survey import Subject
from sse_signals.life.tickets import Tickets
from sse_signals.logs import adapt
from sse_signals.settings import checked
from sse_signals.web.address import NO_PROXIES, Proxies
from sse_signals.web.credentials import Identification
from sse_signals.web.departure import Departure
from sse_signals.web.limits import Limits
from sse_signals.web.origins import LOCAL_HOSTS, host_names
from sse_signals.web.routes import add_routes
from sse_signals.web.site import Site
from sse_signals.web.traced import traced
from sse_signals.web.transport import unacknowledged
from sse_signals.web.watching import watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

    from aiohttp import web

    from sse_signals.event_broker import EventBroker
    from sse_signals.identity import Identity
    from sse_signals.tracing import Tracing


class SignalsService:
    """The hub on an HTTP server: adds its routes to an application and lives as long as that."""

    def __init__(self, site: Site, event_broker: EventBroker, authentication: Authentication | None = None) -> None:
        self._event_broker = event_broker
        self._authentication = authentication
        self.site = site

    @classmethod
    def create(  # noqa: PLR0913 - all that can be chosen about a hub, each by its name
        cls,
        app: web.Application,
        *,
        event_broker: EventBroker,
        prefix: str = "/signals",
        heartbeat: float = 15.0,
        send_timeout: float = 30.0,
        drain_delay: float = 0.0,
        drain_window: float = 0.0,
        max_stream_age: float = 0.0,
        canary: float = 0.0,
        limits: Limits | None = None,
        allowed_hosts: Collection[str] | None = LOCAL_HOSTS,
        cors_origins: Collection[str] = frozenset(),
        trusted_proxies: Collection[str] = frozenset(),
        authentication: Authentication | None = None,
        logger: Any = None,
        log_publishes: float = 0.01,
        tracing: Tracing | None = None,
    ) -> SignalsService:
        """Serve signals from an application that is not running yet.

        Args:
            app: Any aiohttp application.
            event_broker: The log to serve.
            prefix: The path that all routes begin with.
            heartbeat: Seconds between two heartbeats of a stream.
            send_timeout: Seconds without progress after which a stream is aborted.
            drain_delay: Seconds for which a drain does no more than say that the hub is not ready.
            drain_window: Seconds over which it then sends the open streams away.
            max_stream_age: Seconds after which a stream is sent to come again, or up to a fifth less; 0 lets it stay.
            canary: Seconds between two signals that the node sends itself, to time them; 0 sends none.
            limits: What clients may ask for.
            allowed_hosts: Host names it answers to, or None for every one. By default these are the local ones, and all
                where people have to authenticate.
            cors_origins: Origins of pages that may use it besides its own.
            trusted_proxies: Addresses and networks of proxies whose ``X-Forwarded-For`` is believed.
            authentication: How it finds out who is there; None lets everybody do everything.
            logger: A structlog or standard logger.
            log_publishes: The share of the publishes that are logged even if all is well with them, from 0 to 1.
            tracing: Where traces of publishes go, such as `sse_signals.otel.OtelTracing`.

        Raises:
            ConfigurationError: One of these is not what it may be.
        """
        origins = cors_origins if isinstance(cors_origins, str) else ",".join(cors_origins)
        proxies = trusted_proxies if isinstance(trusted_proxies, str) else ",".join(trusted_proxies)
        if not isinstance(authentication, Authentication | None):
            raise ConfigurationError("authentication is no Authentication: write Authentication([…]).")
        if authentication is not None and allowed_hosts is LOCAL_HOSTS:
            allowed_hosts = None
        site = Site(
            service=event_broker.service,
            clock=event_broker.clock,
            logger=adapt(logger),
            nodes=Nodes(event_broker.state),
            prefix=checked("prefix", prefix),
            limits=limits or Limits(),
            heartbeat=checked("heartbeat", heartbeat),
            send_timeout=checked("send_timeout", send_timeout),
            hosts=host_names(allowed_hosts),
            cors_origins=checked("cors_origins", origins),
            proxies=Proxies.parse(proxies) if proxies else NO_PROXIES,
            volatile=event_broker.volatile,
            departure=Departure(
                delay=checked("drain_delay", drain_delay), window=checked("drain_window", drain_window)
            ),
            max_stream_age=checked("max_stream_age", max_stream_age),
            canary=checked("canary", canary),
            log_publishes=checked("log_publishes", log_publishes),
            tracing=tracing,
        )
        if authentication is not None:
            site.identify = _too_early
        service = cls(site, event_broker, authentication)
        add_routes(app, site)
        app.cleanup_ctx.append(service._live)  # unlike on_cleanup, it is also undone when another part fails to start
        app.on_shutdown.append(service._shut_down)
        return service

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return 0 if self.site.sweep is None else len(self.site.sweep)

    async def drain(self, why: str = "asked for") -> None:
        """Take no more streams, and end those that are open in good order; each is told when to come back.

        It takes as long as ``drain_delay`` and ``drain_window`` say, and goes on if its caller is cancelled. Who calls
        it again waits for the same end.

        Args:
            why: What the log says about it.
        """
        await asyncio.shield(self.site.departure.begin(self.site, why))

    async def _live(self, _app: web.Application) -> AsyncIterator[None]:
        await self._event_broker.start()
        node = self._event_broker.service.node
        self.site.sweep = sweep = Sweep(
            node.hub,
            node.history,
            asyncio.get_running_loop(),
            heartbeat=self.site.heartbeat,
            send_timeout=self.site.send_timeout,
            clock=self.site.clock,
            unacknowledged=unacknowledged,
            max_age=self.site.max_stream_age,
        )
        security = None if self._authentication is None else self._secure(self._authentication)
        if security is not None:
            await security.start()
        self.site.lookout = lookout = self._look_out(sweep)
        sweep.start()
        lookout.start()
        async with traced(self.site), watching(self.site):
            yield
        self.site.lookout = None
        await lookout.stop()
        sweep.stop()
        self.site.sweep = None
        if security is not None:
            await security.stop()
        if self._authentication is not None and self._authentication.close is not None:
            await self._authentication.close()
        await self._event_broker.stop()

    def _look_out(self, sweep: Sweep) -> Lookout:
        """Return what sees the streams of this node and of others."""
        site = self.site
        subject = Subject(
            node=site.nodes.own,
            started_ms=site.clock(),
            streams=lambda: list(sweep.streams),
            history=site.service.node.history,
            signals=lambda: site.service.follower.signals,
            ledger=site.ledger,
            clock=site.clock,
            ready=lambda: site.ready,
            draining=lambda: site.draining,
        )
        time = asyncio.get_running_loop().time
        return Lookout(
            Overview(subject, time),
            nodes=site.nodes,
            state=self._event_broker.state,
            service=site.service,
            shared=self._event_broker.shared,
            logger=site.logger,
            time=time,
        )

    def _secure(self, authentication: Authentication) -> Security:
        """Have the site ask who is there from now on."""
        site, state, service = self.site, self._event_broker.state, self._event_broker.service
        revocations = Revocations(
            state, lifetime=authentication.lifetime, leeway=authentication.leeway, clock=site.clock
        )
        access = Access(
            authentication.authenticators,
            rules=authentication.rules,
            revocations=revocations,
            failures=FailedAuthentications(),
            anonymous=authentication.anonymous,
            leeway=authentication.leeway,
            clock=site.clock,
            logger=site.logger,
            results=site.ledger.authentications,
        )
        site.security = Security(
            access=access,
            lives=Lives(
                lambda: service.node.hub,
                asyncio.get_running_loop(),
                expiring=authentication.expiring,
                clock=site.clock,
            ),
            nodes=site.nodes,
            revocations=revocations,
            service=service,
            drain=lambda: site.departure.begin(site, "order"),
            logger=site.logger,
        )
        site.tickets = Tickets(
            state,
            secret=authentication.secret or secrets.token_bytes(32),
            other_secrets=authentication.other_secrets,
            clock=site.clock,
            per_subject=site.limits.streams_per_identity,
        )
        site.rate = publish_rate(site.limits.publish_rate, site.limits.publish_burst)
        security = site.security
        identification = Identification(
            access,
            cookie=authentication.cookie,
            cors_origins=site.cors_origins,
            proxies=site.proxies,
            ready=lambda: security.in_step,
        )
        site.identify, site.shows = identification.identify, identification.shows
        return site.security

    async def _shut_down(self, _app: web.Application) -> None:
        """End the streams; nobody can come any more, and so no load balancer has to notice."""
        departure = self.site.departure
        if self.streams or departure.begun.is_set():
            await departure.begin(self.site, "shutdown", delay=0.0)
        else:
            departure.close()


async def _too_early(_request: web.BaseRequest) -> Identity:
    """Let nobody in before it can be known who is there."""
    raise IssuerUnavailable("the hub is starting")
