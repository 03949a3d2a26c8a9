"""Two doors to a hub: our own server, and an application that others run with aiohttp's default runner."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog
from aiohttp import web

from sse_signals import EventBroker, HistoryLimits, Limits, SignalsService
from sse_signals.clock import wall_clock_ms
from sse_signals.server import running
from sse_signals.settings import load

if TYPE_CHECKING:
    from sse_signals.brokers.memory import MemoryBroker

DEADLINE = 30.0


@dataclass(frozen=True)
class Door:
    """A hub that listens.

    Attributes:
        url: Where, with the prefix of its routes.
        service: The hub.
        connections: Returns how many connections it has.
    """

    url: str
    service: SignalsService
    connections: Callable[[], int]

    def counts(self) -> dict[str, int]:
        """Return how many there are of everything that must be gone when all streams are."""
        node = self.service.site.service.node
        return {
            "streams": self.service.streams,
            "hub": len(node.hub.streams),
            "groups": node.hub.groups,
            "owners": node.hub.owners,
            "turnstile": len(node.turnstile),
        }


OpenDoor = Callable[..., AbstractAsyncContextManager[Door]]


def event_broker(broker: MemoryBroker) -> EventBroker:
    """Return an event broker on a log of the test's own."""
    logger = structlog.get_logger("sse_signals")
    return EventBroker(broker, history=HistoryLimits(), logger=logger, clock=wall_clock_ms)


@asynccontextmanager
async def own(*, broker: MemoryBroker | None = None, **options: Any) -> AsyncIterator[Door]:
    """Run our own server."""
    with contextlib.ExitStack() as stack:
        if broker is not None:
            made = event_broker(broker)
            stack.enter_context(mock.patch.object(EventBroker, "from_url", return_value=made))
        spy = stack.enter_context(
            mock.patch.object(web.AppRunner, "setup", autospec=True, side_effect=web.AppRunner.setup)
        )
        async with running(load({}, {"port": 0, **options}), structlog.get_logger("sse_signals")) as hub:
            yield Door(hub.url, hub.service, lambda: connections(spy.call_args[0][0]))


@asynccontextmanager
async def foreign(
    *,
    broker: MemoryBroker | None = None,
    middlewares: Iterable[Any] = (),
    limits: Limits | None = None,
    **options: Any,
) -> AsyncIterator[Door]:
    """Run somebody's application with aiohttp's default runner, which does not cancel handlers of gone clients."""
    app = web.Application(middlewares=list(middlewares))
    log = event_broker(broker) if broker else EventBroker.from_url("memory://")
    service = SignalsService.create(app, event_broker=log, limits=limits, **options)
    runner = web.AppRunner(app, access_log=None, lingering_time=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    try:
        yield Door(f"http://127.0.0.1:{port}/signals", service, lambda: connections(runner))
    finally:
        await runner.cleanup()


def connections(runner: web.AppRunner) -> int:
    """Return how many connections of a server have a client; aiohttp keeps one without while its handler runs."""
    assert runner.server is not None
    return sum(connection.transport is not None for connection in runner.server.connections)


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, under a deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing in the hub rings a bell for tests
            await asyncio.sleep(0.005)
