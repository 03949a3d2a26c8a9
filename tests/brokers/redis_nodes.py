"""Nodes of a cluster on a Redis server, and what tests of it have in common."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.redis import RedisBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, HistoryLimits, Signal
from tests.brokers.servers import PATIENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sse_signals.model import Event
    from tests.brokers.servers import RedisServer

DEADLINE = 15  # seconds
USUAL = BrokerOptions().timeout  # seconds that a node waits for an answer unless told otherwise
AGAIN = 0.02  # seconds after which is asked once more
AFTER_ALL = EventId("unknownn", 0)  # of no log: whoever follows from there gets everything


@dataclass
class Told:
    """A logger that keeps what it is told."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def warning(self, text: str, **said: Any) -> None:
        """Keep it."""
        self.lines.append((text, said))

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(f"{text} {said}" for text, said in self.lines)


def made(url: str, limits: HistoryLimits | None = None, logger: Any = None, **options: Any) -> RedisBroker:
    """Return a node that is not connected."""
    chosen = BrokerOptions(**{"timeout": PATIENT, **options})  # where patience is the matter, a test says so
    return RedisBroker(url, limits or HistoryLimits(), chosen, logger=logger or Told())


@asynccontextmanager
async def node(
    url: str, limits: HistoryLimits | None = None, logger: Any = None, **options: Any
) -> AsyncIterator[RedisBroker]:
    """Lend a node that is open."""
    broker = made(url, limits, logger, **options)
    try:
        await broker.open()
        yield broker
    finally:
        await broker.close()


@pytest.fixture(name="url")
def a_database(redis_server: RedisServer, request: pytest.FixtureRequest) -> str:
    """A database of its own for a test."""
    return f"{redis_server.url}/{1 + abs(hash(request.node.name)) % 14}"


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Any]:  # its methods are typed for both kinds of clients
    """Lend an ordinary client."""
    redis: Any = Redis.from_url(url, driver_info=None)  # which it would look up on the disk
    try:
        yield redis
    finally:
        await redis.aclose()


def signals(*numbers: int) -> list[Signal]:
    """Return signals that can be told apart."""
    return [Signal(b"%d" % number, "topic") for number in numbers]


async def publish(broker: RedisBroker, *numbers: int) -> EventId:
    """Publish one record for each number, and return the last id."""
    receipts = await asyncio.gather(*(broker.publish(signals(number)) for number in numbers))
    return receipts[-1].ids[0]


async def read(broker: RedisBroker, after: EventId, count: int) -> list[Event]:
    """Follow until so many events have come, forks among them."""
    events: list[Event] = []
    async with asyncio.timeout(DEADLINE), aclosing(broker.follow(after)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            events += piece
            if len(events) >= count:
                break
    return events


async def until_it_works(ask: Callable[[], Awaitable[Any]]) -> float:
    """Ask again and again, as clients do, until it is answered, and return how many seconds that took."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await ask()
            except BrokerUnavailable:
                await asyncio.sleep(AGAIN)
            else:
                return loop.time() - start


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something to be so that another process brings about, and tells nobody."""
    async with asyncio.timeout(DEADLINE):
        while not await holds():  # noqa: ASYNC110 - it has to be asked
            await asyncio.sleep(AGAIN)


async def in_step(master: RedisServer) -> None:
    """Wait until a replica has what its master has at the moment."""
    async with asyncio.timeout(DEADLINE), client(master.url) as redis:
        await redis.ping()  # the server waits for what there was at a connection's last command
        assert await redis.wait(1, 0) == 1


async def seconds(awaitable: object) -> float:
    """Return how many seconds it takes until something fails because the log cannot be reached."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(BrokerUnavailable):
        await awaitable  # type: ignore[misc]
    return loop.time() - start
