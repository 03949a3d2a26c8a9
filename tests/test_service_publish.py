"""Publishing through a node: what its caller may do meanwhile, and what everybody else gets to do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import wraps
from types import MethodType
from typing import TYPE_CHECKING

import pytest
import structlog

from sse_signals import EventBroker, HistoryLimits, SignalsClient
from sse_signals import service as service_module
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.interfaces import in_time, never_waits
from sse_signals.model import EventId, Signal, position
from sse_signals.service import Service

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sse_signals.model import IdempotencyKey, Receipt


class Far(MemoryBroker):
    """A log whose answer takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = asyncio.Event()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        await self.answer.wait()
        return await super().publish(signals, key=key)

    async def control(self, data: bytes) -> EventId:
        await self.answer.wait()
        return await super().control(data)


class Ill(MemoryBroker):
    """A log whose answer is an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def publish(self, *_signals: object, key: IdempotencyKey | None = None) -> Receipt:
        assert key is None
        raise self.error


def service_on(log: MemoryBroker) -> Service:
    """Return a service that is not started: it can publish all the same."""
    return Service(log, limits=HistoryLimits(), logger=structlog.get_logger())


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have services wait for a log only for a moment."""
    monkeypatch.setattr(service_module, "PATIENCE", 0.2)


@pytest.mark.usefixtures("impatient")
async def test_a_log_that_hangs_is_answered_for() -> None:
    """Who publishes, or tells the nodes something, hears in time that nobody knows; what was begun goes on."""
    log = Far()
    service = service_on(log)
    for request in (service.publish([Signal(b"1")]), service.control(b"{}")):
        with pytest.raises(BrokerUnavailable, match=r"has not answered for 0\.2 s") as told:
            await request
        assert told.value.outcome_unknown
    log.answer.set()
    await service.stop()
    assert (await log.head()).position == position(2)
    assert (await service.publish([Signal(b"1")])).ids[0].position == position(3)


@pytest.mark.usefixtures("impatient")
async def test_a_log_that_hangs_does_not_hold_up_the_end() -> None:
    """Whoever stops the service waits no longer for it than whoever publishes, and nothing is left."""
    service = service_on(Far())
    publishing = asyncio.create_task(service.publish([Signal(b"1")]))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await service.stop()
        with pytest.raises(BrokerUnavailable):
            await publishing
        while asyncio.all_tasks() != {asyncio.current_task()}:  # noqa: ASYNC110 - what is cancelled ends soon
            await asyncio.sleep(0)


async def test_what_is_being_published_is_in_the_log_before_the_end() -> None:
    """A stop waits for it, and its caller gets its id."""
    log = Far()
    service = service_on(log)
    publishing = asyncio.create_task(service.publish([Signal(b"1")]))
    await asyncio.sleep(0)
    stopping = asyncio.create_task(service.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    log.answer.set()
    await stopping
    assert (await publishing).ids == [await log.head()]


@pytest.mark.parametrize(
    ("error", "outcome_unknown"),
    [
        (BrokerUnavailable("it is away"), False),
        (BrokerUnavailable("it went away", outcome_unknown=True), True),
        (asyncio.CancelledError(), True),
    ],
)
async def test_a_log_that_fails_says_so(error: BaseException, outcome_unknown: bool) -> None:
    """And one that gives up its own work is not taken for a caller that does."""
    with pytest.raises(BrokerUnavailable) as told:
        await service_on(Ill(error)).publish([Signal(b"1")])
    assert told.value.outcome_unknown is outcome_unknown


@pytest.mark.parametrize(("hasty", "outcome"), [(60.0, "abandoned"), (0.0, "unknown")])
async def test_what_a_log_has_begun_is_not_interrupted(
    monkeypatch: pytest.MonkeyPatch, hasty: float, outcome: str
) -> None:
    """A caller that leaves takes nothing back, even where the log was made from one that never waits.

    Only one that has waited for long counts against the log.
    """
    monkeypatch.setattr(service_module, "HASTY", hasty)
    log = Far()
    service = service_on(log)
    caller = asyncio.create_task(service.publish([Signal(b"1")]))
    await asyncio.sleep(0)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    assert service.publishes.outcomes == {outcome: 1}
    assert not (await log.head()).position
    log.answer.set()
    async with asyncio.timeout(30):
        await anext(log.follow(EventId("", 0)))


class Prompt(Far):
    """A log that hands in at once, and lets whoever waits be cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    @in_time
    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        receipt = await MemoryBroker.publish(self, signals, key=key)
        if self.closed:
            raise asyncio.CancelledError
        await self.answer.wait()
        return receipt


async def test_a_log_that_answers_in_time_by_itself_is_waited_for_without_a_task() -> None:
    """Its callers get its answer, or are cancelled, and what it cancels itself is not taken for that."""
    log = Prompt()
    service = service_on(log)
    before = len(asyncio.all_tasks())
    callers = [asyncio.create_task(service.publish([Signal(b"1")])) for _ in range(2)]
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before + 2
    callers[0].cancel()
    log.answer.set()
    assert (await callers[1]).ids == [await log.head()]
    with pytest.raises(asyncio.CancelledError):
        await callers[0]
    assert (await log.head()).position == position(2)
    log.closed = True
    with pytest.raises(BrokerUnavailable, match="closed") as told:
        await service.publish([Signal(b"1")])
    assert told.value.outcome_unknown


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

    async with asyncio.timeout(30):
        opened = asyncio.Event()
        reading = asyncio.create_task(subscriber(opened))
        await opened.wait()
        for number in range(50):
            await client.publish(number, topic="t")
        await reading
    assert read == list(range(50))


async def test_a_program_that_publishes_to_a_file_waits_for_that_alone(tmp_path: Path) -> None:
    """Where the log takes its time, its answers come back as they are, one record after the other."""
    event_broker = EventBroker.from_url(f"sqlite:///{tmp_path}/log.db")
    await event_broker.start()
    try:
        receipts = [await event_broker.publish([Signal(b"%d" % number)]) for number in range(2)]
    finally:
        await event_broker.stop()
    assert [[event_id.position for event_id in receipt.ids] for receipt in receipts] == [[position(1)], [position(2)]]
