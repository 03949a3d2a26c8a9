"""The canary: what it times, what counts as lost, what is logged of it, and that nobody else ever gets one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import structlog
from structlog.testing import capture_logs

from sse_signals import EventBroker, HistoryLimits
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import BrokerUnavailable
from sse_signals.metrics import canary as module
from sse_signals.metrics.canary import TOPIC, Canary
from sse_signals.model import Signal
from tests.life.clock import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sse_signals.model import IdempotencyKey, Receipt

NODE = "0badcafe"


class Log(MemoryBroker):
    """A log that can be away, and that notes what it was given."""

    def __init__(self) -> None:
        super().__init__(HistoryLimits())
        self.fault: Exception | None = None
        self.given: list[Signal] = []

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        """Append, unless it is away."""
        self.given += signals
        if self.fault is not None:
            raise self.fault
        return await super().publish(signals, key=key)


@asynccontextmanager
async def node(log: Log, *, start: bool = True) -> AsyncIterator[EventBroker]:
    """Follow a log until the test is done."""
    broker = EventBroker(log, history=HistoryLimits(), logger=structlog.get_logger(), clock=wall_clock_ms)
    if start:
        await broker.start()
    try:
        yield broker
    finally:
        if start:
            await broker.stop()
        await broker.close()


def canary(broker: EventBroker, **options: Any) -> Canary:
    """Return a canary of a node that has not begun."""
    given = {"every": 1.0, "logger": structlog.get_logger(), "time": asyncio.get_running_loop().time, **options}
    return Canary(broker.service, node=NODE, **given)


async def test_one_that_arrives() -> None:
    """It passes log, hub and history, is timed by a clock that nobody sets, and leaves no stream behind."""
    log, time = Log(), Clock()
    async with node(log) as broker:
        service, bird = broker.service, canary(broker, time=time)
        publish_at_once, flushes = service.publish, service.node.hub.tallies.flush_seconds.count

        async def publish_slowly(signals: Sequence[Signal]) -> Receipt:
            time.now += 0.75
            return await publish_at_once(signals)

        with mock.patch.object(service, "publish", publish_slowly):
            await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count, bird.seconds.total) == (1, 0, 1, 0.75)
        assert service.node.hub.tallies.flush_seconds.count == flushes + 1
        assert not service.node.hub.streams
        (signal,) = log.given
        assert signal.targets is not None
        (ref,) = signal.targets
        assert signal.address == TOPIC
        assert ref.startswith(f"signals-canary:{NODE}/")
        assert len(ref.rpartition("/")[2]) == 32


async def test_what_others_publish_there_is_no_canary() -> None:
    """A signal to its topic, for everybody or for somebody else, with the very same content, does not count."""
    log = Log()
    async with node(log) as broker:
        bird, service = canary(broker), broker.service

        async def forge(signals: Sequence[Signal]) -> None:
            await log.publish([Signal(signals[0].data, TOPIC), Signal(signals[0].data, TOPIC, frozenset({"a:b/c"}))])

        with mock.patch.object(service, "publish", forge), mock.patch.object(module, "PATIENCE", 0.05):
            await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count) == (1, 1, 0)


async def test_what_is_lost_is_told_once_and_when_it_is_back() -> None:
    """However many are lost in between, and for whatever reason, there are two lines; each that is lost is counted."""
    log = Log()
    async with node(log) as broker:
        with capture_logs() as lines:
            bird = canary(broker, logger=structlog.get_logger())
            log.fault = BrokerUnavailable("the line is cut")
            await bird.beat()
            await bird.beat()
            log.fault = None
            with (
                mock.patch.object(module, "PATIENCE", 0.05),
                mock.patch.object(broker.service, "publish", mock.AsyncMock()),  # taken, and never brought back
            ):
                await bird.beat()
            assert (bird.sent, bird.lost) == (3, 3)
            await bird.beat()
            await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count) == (5, 3, 2)
        lost, back = [line for line in lines if line["event"].startswith("canary")]
        assert (lost["event"], lost["log_level"], lost["reason"]) == ("canary lost", "warning", "the line is cut")
        assert (back["event"], back["log_level"], back["lost"]) == ("canary back", "info", 3)
        assert not broker.service.node.hub.streams


async def test_one_that_comes_late_is_lost_for_good() -> None:
    """The reason says for how long it was waited; the next one is not taken for it."""
    log = Log()
    async with node(log) as broker:
        bird, service, kept = canary(broker), broker.service, list[Signal]()

        async def keep(signals: Sequence[Signal]) -> None:
            await asyncio.sleep(0)
            kept.extend(signals)

        with capture_logs() as lines, mock.patch.object(module, "PATIENCE", 0.05):
            with mock.patch.object(service, "publish", keep):
                await bird.beat()

            async def bring_late(_: Sequence[Signal]) -> None:
                await log.publish(kept)

            with mock.patch.object(service, "publish", bring_late):
                await bird.beat()
            assert (bird.sent, bird.lost) == (2, 2)
        await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count) == (3, 2, 1)
        assert lines[0]["reason"] == "it has not come back within 0.05 s"


async def test_a_fault_of_its_own_is_told_and_not_the_end() -> None:
    """What nobody foresaw is logged with its traceback, counts as a loss, and the next one is sent."""
    log = Log()
    async with node(log) as broker:
        bird = canary(broker)
        log.fault = RuntimeError("nobody foresaw it")
        with capture_logs() as lines:
            await bird.beat()
        log.fault = None
        assert [line["event"] for line in lines] == ["the canary failed", "canary lost"]
        assert lines[0]["exc_info"]
        assert lines[1]["reason"] == "RuntimeError"
        await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count) == (2, 1, 1)


async def test_a_node_that_has_not_begun_or_stops() -> None:
    """A node that has not read its log yet has none to send, and one that stops loses the one on its way at once."""
    async with node(Log(), start=False) as broker:
        bird = canary(broker)
        with capture_logs() as lines:
            await bird.beat()
        assert [line["reason"] for line in lines] == ["the log has not been read yet"]
    async with node(Log()) as broker:
        bird = canary(broker)

        async def stop(_: Sequence[Signal]) -> None:
            for stream in list(broker.service.node.hub.streams):
                stream.end("shutdown")

        with capture_logs() as lines, mock.patch.object(broker.service, "publish", stop):
            await bird.beat()
        assert [line["reason"] for line in lines] == ["the node has stopped"]


async def test_a_gap_is_passed_over() -> None:
    """A log that begins anew under a canary costs at most that one."""
    log = Log()
    async with node(log) as broker:
        bird, service = canary(broker), broker.service
        publish_after = service.publish

        async def lose_place(signals: Sequence[Signal]) -> Receipt:
            for stream in service.node.hub.streams:
                service.node._lose_place(stream, "abcdefgh", service.node.head.position)
            return await publish_after(signals)

        with mock.patch.object(service, "publish", lose_place):
            await bird.beat()
        assert (bird.sent, bird.lost, bird.seconds.count) == (1, 0, 1)


async def test_nodes_that_start_together_do_not_beat_together() -> None:
    """The first comes at a random time within the first interval, each next one an interval after the one before."""
    time, pauses, done = Clock(), list[float](), asyncio.Event()
    async with node(Log()) as broker:

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            time.now += seconds
            if len(pauses) == 4:
                done.set()
                await asyncio.Event().wait()

        bird = canary(broker, every=8.0, time=time, sleep=sleep)
        publish_at_once = broker.service.publish

        async def publish_slowly(signals: Sequence[Signal]) -> Receipt:
            time.now += 3.0 if bird.sent < 3 else 9.0
            return await publish_at_once(signals)

        with (
            mock.patch.object(broker.service, "publish", publish_slowly),
            mock.patch("random.random", return_value=0.25),
        ):
            bird.start()
            async with asyncio.timeout(30):
                await done.wait()
        await bird.stop()
        assert pauses == [2.0, 5.0, 5.0, 0.0]
        assert bird.sent == 3


async def test_it_stops_while_one_is_on_its_way() -> None:
    """Neither a task nor a stream is left, and what was on its way is not lost."""
    log = Log()
    async with node(log) as broker:
        before, sending = asyncio.all_tasks(), asyncio.Event()

        async def hang(_: Sequence[Signal]) -> None:
            sending.set()
            await asyncio.Event().wait()

        bird = canary(broker, every=0.001)
        await bird.stop()
        with mock.patch.object(broker.service, "publish", hang):
            bird.start()
            async with asyncio.timeout(30):
                await sending.wait()
            await bird.stop()
        assert asyncio.all_tasks() == before
        assert not broker.service.node.hub.streams
        assert (bird.sent, bird.lost) == (1, 0)
