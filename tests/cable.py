"""A real log at the end of a cable that a test can pull out, and a service that follows it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from sse_signals import follower as follower_module
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import EventId, HistoryLimits, Signal
from sse_signals.service import Service
from tests.rules.logs import ForgetfulLog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    import pytest

    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, IdempotencyKey, Receipt, Tail

DEADLINE = 30  # seconds
LIMITS = HistoryLimits()


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition, under a deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.001)


class Cable:
    """A real log at the end of a cable that a test can pull out."""

    def __init__(self) -> None:
        self.log = ForgetfulLog()
        self.pulled = False
        self.heads = 0
        self.slow: asyncio.Event | None = None
        self.ends = False
        self.seeing = asyncio.Event()  # is set while the node gets to see what the log brings
        self.seeing.set()
        self.opening: asyncio.Event | None = None  # opening waits for it
        self.refusal: ConfigurationError | None = None
        self.opened = 0
        self.answer: EventId | None = None  # what it says that its head is
        self.followers = 0

    def _check(self) -> None:
        if self.pulled:
            raise BrokerUnavailable("the cable is out")

    async def open(self) -> None:
        self.opened += 1
        if self.opening is not None:
            await self.opening.wait()
        if self.refusal is not None:
            raise self.refusal
        self._check()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        self._check()
        return await self.log.publish(signals, key=key)

    async def head(self) -> EventId:
        self.heads += 1
        if self.slow is not None:
            await self.slow.wait()
        self._check()
        return self.answer or await self.log.head()

    async def tail(self, limits: HistoryLimits) -> Tail:
        self._check()
        return await self.log.tail(limits)

    async def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        self.followers += 1
        try:
            async for events in self.log.follow(after):
                await self.seeing.wait()
                if self.ends:
                    return
                self._check()
                yield events
        finally:
            self.followers -= 1

    async def control(self, data: bytes) -> EventId:
        return await self.log.control(data)

    async def close(self) -> None:
        await self.log.close()


class Running:
    """A service on a log whose cable can be pulled, with the lines it has logged."""

    def __init__(self) -> None:
        self.cable = Cable()
        self.lines: list[Any] = []
        broker: Broker = self.cable
        logger = structlog.wrap_logger(None, processors=[self._keep])
        self.service = Service(broker, limits=LIMITS, logger=logger)

    def _keep(self, _logger: Any, _method: str, entry: Any) -> Any:
        self.lines.append(entry)
        raise structlog.DropEvent

    async def publish(self, *numbers: int) -> EventId:
        """Publish straight to the log, past the cable."""
        return (await self.cable.log.publish([Signal(b"%d" % number) for number in numbers])).ids[-1]

    async def reached_after_start(self, event_id: EventId) -> None:
        """Start the service, and have nothing asked by then."""
        await self.service.start()
        await self.reached(event_id)
        self.cable.heads = 0

    async def reached(self, event_id: EventId) -> None:
        """Wait until the node has an event."""
        await until(lambda: self.service.node.head == event_id and self.service.ready)


@asynccontextmanager
async def running_service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """Make a service that tries again without waiting long; nothing is left of it at the end."""
    monkeypatch.setattr(follower_module, "backoff", lambda attempt, _fraction, **_: 0.001 * attempt)
    made = Running()
    yield made
    await made.service.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
