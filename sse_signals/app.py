"""Composition: the one place that knows which classes stand behind the interfaces."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.clock import wall_clock_ms
from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import After, Live
from sse_signals.errors import ConfigurationError, InvalidInput
from sse_signals.hub.sweep import Sweep
from sse_signals.logs import adapt
from sse_signals.model import MAX_BATCH, EventId, HistoryLimits
from sse_signals.life.drain import drain
from sse_signals.service import Service
from sse_signals.settings import checked, without_password
from sse_signals.web.origins import LOCAL_HOSTS, host_names
from sse_signals.web.routes import add_routes
from sse_signals.web.site import Limits, Site
from sse_signals.web.transport import unacknowledged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence

    from aiohttp import web

    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, IdempotencyKey, Receipt, Signal
    from sse_signals.topics import Filters

DRAIN_PATIENCE: Final = 4.0  # seconds that connections get at the end for what they still have to take


class EventBroker:
    """The log that plugins publish to and listen to, and that `SignalsService` serves over HTTP."""

    def __init__(self, broker: Broker, *, history: HistoryLimits, logger: Any, clock: Callable[[], int]) -> None:
        self._broker = broker
        self._users = 0
        self._starting: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None
        self.service = Service(broker, limits=history, logger=logger, clock=clock)
        self.clock = clock

    @classmethod
    def from_url(
        cls,
        url: str,
        *,
        history: HistoryLimits | None = None,
        logger: Any = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> EventBroker:
        """Return the event broker at a URL.

        Args:
            url: ``memory://`` is a log in this process, new at each call.
            history: How much of the log to keep for those who resume.
            logger: A structlog or standard logger.
            clock: Returns milliseconds since 1970-01-01 UTC.

        Raises:
            ConfigurationError: There is no such broker.
        """
        if url != "memory://":
            raise ConfigurationError(f"{without_password(url)!r} is no event broker: it may be memory://.")
        limits = history or HistoryLimits()
        return cls(MemoryBroker(limits, clock=clock), history=limits, logger=adapt(logger), clock=clock)

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append one record to the log; see `sse_signals.interfaces.Broker.publish`.

        Raises:
            InvalidInput: There are no signals, or more than 1,000.
        """
        if not 1 <= len(signals) <= MAX_BATCH:
            raise InvalidInput(
                f"There are {len(signals)} signals.", field="signals", hint=f"Give from 1 to {MAX_BATCH}."
            )
        return await self.service.publish(signals, key=key)

    @asynccontextmanager
    async def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
    ) -> AsyncIterator[AsyncIterator[Event]]:
        """Listen in this process; see `sse_signals.SignalsClient.subscribe`."""
        await self.start()
        try:
            start = Live() if last_event_id is None else After(EventId.parse(last_event_id))
            found = await self.service.look_up(start, filters, identity)
            subscription = Subscription(self.service.node, filters, identity, on_gap)
            subscription.open(start, found)
            try:
                yield subscription
            finally:
                subscription.close()
        finally:
            await self.stop()

    async def start(self) -> None:
        """Follow the log, from the first user's start to the last one's stop."""
        async with self._turn():
            if not self._users:
                try:
                    await self.service.start()
                except asyncio.CancelledError:
                    await self.service.stop()
                    raise
            self._users += 1

    async def stop(self) -> None:
        """Undo one start."""
        async with self._turn():
            self._users -= 1
            if not self._users:
                await self.service.stop()

    def _turn(self) -> asyncio.Lock:
        """Return what lets users start and stop one after another; a lock serves one loop, a log may outlive it."""
        loop = asyncio.get_running_loop()
        if self._starting is None or self._starting[0] is not loop:
            self._starting = (loop, asyncio.Lock())
        return self._starting[1]

    async def close(self) -> None:
        """Let go of the log."""
        await self._broker.close()


class SignalsService:
    """The hub on an HTTP server: adds its routes to an application and lives as long as that."""

    def __init__(self, site: Site, event_broker: EventBroker) -> None:
        self._event_broker = event_broker
        self.site = site

    @classmethod
    def create(
        cls,
        app: web.Application,
        *,
        event_broker: EventBroker,
        prefix: str = "/signals",
        heartbeat: float = 15.0,
        send_timeout: float = 30.0,
        limits: Limits | None = None,
        allowed_hosts: Collection[str] | None = LOCAL_HOSTS,
        cors_origins: Collection[str] = frozenset(),
        logger: Any = None,
    ) -> SignalsService:
        """Serve signals from an application that is not running yet.

        Args:
            app: Any aiohttp application.
            event_broker: The log to serve.
            prefix: The path that all routes begin with.
            heartbeat: Seconds between two heartbeats of a stream.
            send_timeout: Seconds without progress after which a stream is aborted.
            limits: What clients may ask for.
            allowed_hosts: Host names it answers to; by default only local ones, since nobody has to authenticate. None
                answers to every host.
            cors_origins: Origins of pages that may use it besides its own.
            logger: A structlog or standard logger.

        Raises:
            ConfigurationError: One of these is not what it may be.
        """
        origins = cors_origins if isinstance(cors_origins, str) else ",".join(cors_origins)
        site = Site(
            service=event_broker.service,
            clock=event_broker.clock,
            logger=adapt(logger),
            prefix=checked("prefix", prefix),
            limits=limits or Limits(),
            heartbeat=checked("heartbeat", heartbeat),
            send_timeout=checked("send_timeout", send_timeout),
            hosts=host_names(allowed_hosts),
            cors_origins=checked("cors_origins", origins),
        )
        service = cls(site, event_broker)
        add_routes(app, site)
        app.cleanup_ctx.append(service._live)  # unlike on_cleanup, it is also undone when another part fails to start
        app.on_shutdown.append(service._shut_down)
        return service

    @property
    def streams(self) -> int:
        """How many streams are open."""
        return 0 if self.site.sweep is None else len(self.site.sweep)

    async def drain(self) -> None:
        """Take no more streams, and end those that are open in good order; each is told when to come back."""
        self.site.draining = True
        self.site.gate.let_all_through()  # to be told when to come back
        if self.streams and self.site.sweep is not None:
            self.site.service.node.hub.finish()
            self.site.empty.clear()
            await drain(
                self.site.sweep.streams,
                self.site.empty,
                reason="shutdown",
                clock=self.site.clock,
                patience=DRAIN_PATIENCE,
            )

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
        )
        sweep.start()
        yield
        sweep.stop()
        self.site.sweep = None
        await self._event_broker.stop()

    async def _shut_down(self, _app: web.Application) -> None:
        await self.drain()
