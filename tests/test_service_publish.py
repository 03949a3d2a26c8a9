"""Publishing through a node: what its caller may do meanwhile, and what everybody else gets to do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import wraps
from types import MethodType
from typing import TYPE_CHECKING

import structlog

from sse_signals import EventBroker, HistoryLimits, SignalsClient
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.interfaces import never_waits
from sse_signals.model import EventId, Signal
from sse_signals.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.model import IdempotencyKey, Receipt


class Far(MemoryBroker):
    """A log whose answer takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        await self.answer.wait()
        return await super().publish(signals, key=key)


async def test_what_a_log_has_begun_is_not_interrupted() -> None:
    """A caller that leaves takes nothing back, even where the log was made from one that never waits."""
    log = Far()
    service = Service(log, limits=HistoryLimits(), logger=structlog.get_logger())
    caller = asyncio.create_task(service.publish([Signal(b"1")]))
    await asyncio.sleep(0)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    assert not (await log.head()).position
    log.answer.set()
    async with asyncio.timeout(10):
        await anext(log.follow(EventId("", 0)))


def test_the_mark_is_not_inherited() -> None:
    """Whoever wraps or overrides a method that never waits may wait."""

    @wraps(MemoryBroker.publish)
    async def waiting(self: MemoryBroker, signals: Sequence[Signal]) -> Receipt:
        await asyncio.sleep(0)
        return await self.publish(signals)

    assert never_waits(MemoryBroker().publish)
    assert not never_waits(MethodType(waiting, MemoryBroker()))


async def test_a_program_that_does_nothing_but_publish_lets_others_read() -> None:
    """However many signals one task publishes in a row, a subscriber misses none, though few are held."""
    event_broker = EventBroker.from_url("memory://", history=HistoryLimits(count=5))
    client = SignalsClient.for_plugin("p", event_broker=event_broker)
    read = []

    async def subscriber(opened: asyncio.Event) -> None:
        async with client.subscribe("t") as events:
            opened.set()
            async for event in events:  # pragma: no branch - it never ends
                read.append(event.message)
                if len(read) == 50:
                    return

    async with asyncio.timeout(10):
        opened = asyncio.Event()
        reading = asyncio.create_task(subscriber(opened))
        await opened.wait()
        for number in range(50):
            await client.publish(number, topic="t")
        await reading
    assert read == list(range(50))
