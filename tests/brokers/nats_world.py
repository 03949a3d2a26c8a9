"""What the tests of NATS share: logs on a server that a test may hurt, and who publishes and follows meanwhile."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nats
import orjson
import structlog
from nats.aio.msg import Msg

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.nats import NatsBroker
from sse_signals.brokers.nats_link import Link
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, Fork, HistoryLimits, IdempotencyKey, Signal
from tests.brokers.servers import PATIENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import pytest
    from nats.js import JetStreamContext

    from sse_signals.model import Event
    from tests.brokers.servers import NatsServer

DEADLINE = 20  # seconds
USUAL = BrokerOptions().timeout  # seconds that a node waits for an answer unless told otherwise
AGAIN = 0.02  # seconds after which who was refused tries once more
LIMITS = HistoryLimits()
_WAITING: set[asyncio.Future[None]] = set()


def signals(*numbers: int) -> list[Signal]:
    """Return signals that can be told apart."""
    return [Signal(b"%d" % number, f"topic-{number}") for number in numbers]


@asynccontextmanager
async def opened(url: str, limits: HistoryLimits = LIMITS, **options: Any) -> AsyncIterator[NatsBroker]:
    """A log that is open."""
    chosen = BrokerOptions(**{"timeout": PATIENT, **options})  # where patience is the matter, a test says so
    broker = NatsBroker(url, limits, chosen, logger=structlog.get_logger())
    await broker.open()
    try:
        yield broker
    finally:
        await broker.close()


@asynccontextmanager
async def operator(url: str | list[str]) -> AsyncIterator[JetStreamContext]:
    """Somebody who changes streams by hand."""
    client = await nats.connect(url, allow_reconnect=False)
    try:
        yield client.jetstream()
    finally:
        await client.close()


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds that nodes, publishers, or who else calls `tell`, bring about."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            news = asyncio.get_running_loop().create_future()
            _WAITING.add(news)
            await news


def tell() -> None:
    """Have whoever waits look again."""
    while _WAITING:
        news = _WAITING.pop()
        if not news.done():
            news.set_result(None)


async def no_other(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait until no other tasks than these are left."""
    async with asyncio.timeout(DEADLINE):
        while others := asyncio.all_tasks() - tasks:
            await asyncio.wait(others)


async def returned(broker: NatsBroker) -> EventId:
    """Ask for the log's head, again and again as clients do, until it answers; return it."""
    async with asyncio.timeout(DEADLINE):
        while True:
            with suppress(BrokerUnavailable):
                return await broker.head()
            await asyncio.sleep(AGAIN)


async def read(broker: NatsBroker, after: EventId, count: int) -> list[Event]:
    """Follow the log until ``count`` events have come, forks included."""
    events: list[Event] = []
    pieces: Any = broker.follow(after)
    async with asyncio.timeout(DEADLINE), aclosing(pieces):
        async for piece in pieces:
            events += piece
            if len(events) >= count:
                break
    return events


@dataclass
class Node:
    """Follows a log as a node does: again from its last event, whenever that has failed.

    Attributes:
        broker: The log.
        at: The last event.
        events: What has come and was not taken back by a fork.
        forks: The forks that came.
    """

    broker: NatsBroker
    at: EventId
    events: list[Event] = field(default_factory=list)
    forks: list[Fork] = field(default_factory=list)
    failures: int = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            with suppress(BrokerUnavailable):
                await self.broker.head()
                pieces: Any = self.broker.follow(self.at)
                async with aclosing(pieces):
                    async for piece in pieces:
                        for event in piece:
                            self._take(event)
            self.failures += 1
            await asyncio.sleep(AGAIN)

    @property
    def messages(self) -> list[Any]:
        """What the events say."""
        return [event.message for event in self.events if event.frame]

    def _take(self, event: Event) -> None:
        if isinstance(event, Fork):
            self.forks.append(event)
            self.events = [each for each in self.events if each.position <= event.position]
            self.at = EventId(event.lineage.epoch_at(event.position), event.position)
        else:
            self.events.append(event)
            self.at = EventId(event.epoch, event.position)
        tell()


@asynccontextmanager
async def running(*work: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Run coroutines beside a test, and end them with it; one that has failed fails the test."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome


@dataclass
class Publisher:
    """Publishes numbers under keys, and tries each until it is acknowledged.

    Attributes:
        broker: The log.
        first: The first number.
        stopped: Whether the number that is under way is the last.
        acknowledged: The numbers, with the ids they got.
    """

    broker: NatsBroker
    first: int = 0
    stopped: bool = False
    acknowledged: dict[int, EventId] = field(default_factory=dict)

    async def run(self) -> None:
        """Publish until stopped."""
        number = self.first
        while not self.stopped:
            said = signals(number)
            with suppress(BrokerUnavailable):
                receipt = await self.broker.publish(said, key=IdempotencyKey.of("me", str(number), said))
                self.acknowledged[number] = receipt.ids[0]
                number += 1
                tell()
                continue
            await asyncio.sleep(AGAIN)


async def gone_back(broker: NatsBroker, *, tries: int = 1000) -> EventId:
    """Have a node know of a record that the log does not hold, and notice; return the head when it has."""
    sessions = broker._sessions
    session = await sessions.get(sessions.deadline())
    sessions.memory.saw(sessions.memory.highest + 100, 1)
    session.link.drop()
    for _ in range(tries - 1):
        with suppress(BrokerUnavailable):
            return await broker.head()
    return await broker.head()


logging.getLogger("nats").setLevel(logging.CRITICAL)


def refused(code: int) -> Msg:
    """Return an answer of JetStream that refuses."""
    error = {"error": {"code": 500, "err_code": code, "description": "for a test"}}
    return Msg(_client=None, data=orjson.dumps(error))  # type: ignore[arg-type]


def meddle(
    monkeypatch: pytest.MonkeyPatch, part: str, first: Callable[[], Awaitable[Msg | None]], times: int = 1
) -> list[str]:
    """Have something happen before the next requests to a subject with a part, or instead of them; return which."""
    seen: list[str] = []
    request = Link.request

    async def meddled(link: Link, subject: str, *arguments: Any, **how: Any) -> Msg:
        if part in subject and len(seen) < times:
            seen.append(subject)
            instead = await first()
            if instead is not None:
                return instead
        return await request(link, subject, *arguments, **how)

    monkeypatch.setattr(Link, "request", meddled)
    return seen


def always(code: int) -> Callable[[], Awaitable[Msg | None]]:
    """Refuse."""

    async def refuse() -> Msg:
        return refused(code)

    return refuse


async def save(server: NatsServer) -> None:
    """Make a copy of its data."""
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(shutil.copytree, server.folder / "store", server.folder / "copy", dirs_exist_ok=True)
    await asyncio.to_thread(server.start)


async def go_back(server: NatsServer) -> None:
    """Put the copy in the place of its data."""
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(shutil.rmtree, server.folder / "store")
    await asyncio.to_thread(shutil.copytree, server.folder / "copy", server.folder / "store")
    await asyncio.to_thread(server.start)


async def publish(broker: NatsBroker, *numbers: int) -> list[EventId]:
    """Publish numbers, each as a record."""
    return [(await broker.publish(signals(number))).ids[0] for number in numbers]
