from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals import follower as follower_module
from sse_signals import service as service_module
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.cursor.start import After, Live, Newest, Oldest
from sse_signals.errors import BrokerUnavailable
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.model import EventId, HistoryLimits, Signal, position
from sse_signals.service import Service
from sse_signals.topics import EVERYTHING, Filters
from tests.fakes import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, IdempotencyKey, Receipt, Tail

DEADLINE = 10  # seconds
LIMITS = HistoryLimits()


class Cable:
    """A real log at the end of a cable that a test can pull out."""

    def __init__(self) -> None:
        self.log = MemoryBroker()
        self.pulled = False
        self.heads = 0
        self.slow: asyncio.Event | None = None
        self.ends = False

    def _check(self) -> None:
        if self.pulled:
            raise BrokerUnavailable("the cable is out")

    async def open(self) -> None:
        self._check()

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Receipt:
        self._check()
        return await self.log.publish(signals, key=key)

    async def head(self) -> EventId:
        self.heads += 1
        if self.slow is not None:
            await self.slow.wait()
        self._check()
        return await self.log.head()

    async def tail(self, limits: HistoryLimits) -> Tail:
        self._check()
        return await self.log.tail(limits)

    async def follow(self, after: EventId) -> AsyncIterator[Sequence[Event]]:
        async for events in self.log.follow(after):
            if self.ends:
                return
            self._check()
            yield events

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

    async def reached(self, event_id: EventId) -> None:
        """Wait until the node has an event."""
        async with asyncio.timeout(DEADLINE):
            while self.service.node.head != event_id or not self.service.ready:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.001)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A service that tries again without waiting long."""
    monkeypatch.setattr(follower_module, "backoff", lambda attempt, _fraction, **_: 0.001 * attempt)
    made = Running()
    yield made
    await made.service.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_was_never_started_can_be_stopped(running: Running) -> None:
    """Whoever cleans up need not know how far the start got."""
    await running.service.stop()
    assert not running.service.ready


async def test_a_node_starts_with_what_the_log_holds(running: Running) -> None:
    """After the start it has read the tail, is ready, and follows."""
    before = await running.publish(1, 2)
    await running.service.start()
    assert (running.service.started, running.service.ready) == (True, True)
    assert running.service.node.head == before
    await running.reached(await running.publish(3))
    assert len(running.service.node.history) == 3


def test_a_service_that_was_never_started_has_no_node() -> None:
    """Asking for it says so."""
    with pytest.raises(BrokerUnavailable, match="not started"):
        _ = Running().service.node


async def test_a_log_that_cannot_be_reached_at_the_start_is_tried_again(running: Running) -> None:
    """The start does not hang; the service is not ready, refuses to look anything up, and recovers by itself."""
    running.cable.pulled = True
    event_id = await running.publish(1)
    await running.service.start()
    assert (running.service.started, running.service.ready) == (False, False)
    with pytest.raises(BrokerUnavailable, match="not been read"):
        await running.service.look_up(Live(), EVERYTHING, ANONYMOUS)
    running.cable.pulled = False
    await running.reached(event_id)
    assert running.service.started
    assert running.service.follower.failures >= 1
    assert running.lines[0]["event"] == "following the log failed"
    assert running.lines[0]["attempt"] == 1


async def test_a_log_that_is_lost_and_comes_back_leaves_no_hole(running: Running) -> None:
    """While it is away the service is not ready; then it goes on exactly where it was."""
    await running.service.start()
    await running.reached(await running.publish(1))
    running.cable.pulled = True
    await running.publish(2)
    async with asyncio.timeout(DEADLINE):
        while running.service.ready:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.001)
    with pytest.raises(BrokerUnavailable):
        await running.service.publish([Signal(b"1")])
    last = await running.publish(3)
    running.cable.pulled = False
    await running.reached(last)
    node = running.service.node
    assert [e.message for e in node.history.read(0, 9)] == [1, 2, 3]
    assert node.holes == 0


async def test_a_log_that_ends_is_followed_again(running: Running) -> None:
    """An end is a failure like any other: told, and tried again."""
    await running.service.start()
    running.cable.ends = True
    await running.publish(1)
    async with asyncio.timeout(DEADLINE):
        while not running.service.follower.failures:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.001)
    running.cable.ends = False
    await running.reached(await running.publish(2))
    assert "the log ended" in running.lines[0]["error"]


async def test_who_asks_for_the_head_at_once_asks_once(running: Running) -> None:
    """A thousand clients with an id that is ahead cost the log one question, and one more if its answer was older."""
    await running.service.start()
    running.cable.heads = 0
    head = await running.cable.log.head()
    ahead = After(EventId(head.epoch, position(7)))
    running.cable.slow = asyncio.Event()
    asking = [asyncio.ensure_future(running.service.look_up(ahead, EVERYTHING, ANONYMOUS)) for _ in range(1000)]
    await asyncio.sleep(0)
    asking[0].cancel()
    running.cable.slow.set()
    found = await asyncio.gather(*asking[1:])
    assert {each.log_head for each in found} == {head}
    assert running.cable.heads == 2
    for _ in range(7):
        await running.cable.log.publish([Signal(b"1")])
    found_now = await running.service.look_up(ahead, EVERYTHING, ANONYMOUS)
    assert found_now.log_head in {None, EventId(head.epoch, position(7))}
    assert running.cable.heads <= 3


@pytest.mark.parametrize("silent", [True, False])
async def test_a_log_that_does_not_answer_makes_an_id_unknown(
    running: Running, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    """Nobody waits for it longer than a short time, and the log of the service says why."""
    monkeypatch.setattr(service_module, "HEAD_TIMEOUT", 0.01)
    await running.service.start()
    head = await running.cable.log.head()
    if silent:
        running.cable.slow = asyncio.Event()
    else:
        running.cable.pulled = True
    async with asyncio.timeout(DEADLINE):
        found = await running.service.look_up(After(EventId(head.epoch, position(7))), EVERYTHING, ANONYMOUS)
    assert found.log_head is None
    assert running.lines[-1] == {
        "event": "the log's head is unknown",
        "error": "TimeoutError" if silent else "the cable is out",
    }


async def test_what_the_node_knows_by_itself_asks_nobody(running: Running) -> None:
    """Live, oldest, and ids that are not ahead cost no question."""
    event_id = await running.publish(1)
    await running.service.start()
    running.cable.heads = 0
    for start in (Live(), Oldest(), After(event_id), After(None)):
        await running.service.look_up(start, EVERYTHING, ANONYMOUS)
    assert running.cable.heads == 0


async def test_the_newest_are_counted_as_the_identity_sees_them(running: Running) -> None:
    """So many that match and may be had, over any number of blocks, while the loop goes round."""
    targets = frozenset({"group:default/a"})
    log = running.cable.log
    ids = [(await log.publish([Signal(b"1", "a", targets if n % 100 else None)])).ids[0] for n in range(1000)]
    await running.service.start()
    for count, anonymous, owner in ((0, 999, 999), (1, 899, 998), (3, 699, 996), (10, -1, 989), (10**5, -1, -1)):
        for identity, expected in ((ANONYMOUS, anonymous), (Identity("x", targets), owner)):
            found = await running.service.look_up(Newest(count), Filters.parse(["a"]), identity)
            assert found.newest_from == (ids[expected] if expected >= 0 else EventId(ids[0].epoch, 0))


async def test_stopping_ends_what_is_left(running: Running) -> None:
    """Streams that are still open learn why, and a second stop is harmless."""
    await running.service.start()
    client = Network().client()
    running.service.node.open(client.stream, Live())
    await running.service.stop()
    await running.service.stop()
    assert client.stream.ended == "shutdown"
    assert (running.service.started, running.service.ready) == (False, False)
