"""What happens when the Redis server dies, stops, or empties itself."""

from __future__ import annotations

import asyncio
import signal
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, Fork, HistoryLimits, IdempotencyKey
from tests.brokers.redis_nodes import (
    AFTER_ALL,
    DEADLINE,
    USUAL,
    client,
    node,
    publish,
    read,
    seconds,
    signals,
    until,
    until_it_works,
)
from tests.brokers.servers import SAFE_REDIS, SLACK, RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sse_signals.brokers.redis import RedisBroker


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may do anything to."""
    server = RedisServer(tmp_path, *SAFE_REDIS).start()
    yield server
    server.stop()


async def test_killing_redis_loses_nothing_acknowledged(server: RedisServer) -> None:
    """Ten times under load: what was acknowledged is there once, under its id, and it goes on within a second."""
    async with node(server.url) as broker:
        acknowledged: dict[EventId, int] = {}
        for turn in range(10):
            enough = asyncio.Event()
            load = [asyncio.ensure_future(work(broker, turn * 1000 + n, acknowledged, enough)) for n in range(10)]
            await asyncio.wait_for(enough.wait(), DEADLINE)
            await asyncio.to_thread(server.kill)
            for task in load:
                await asyncio.wait_for(task, DEADLINE)
            await asyncio.to_thread(server.start)
            assert await until_it_works(lambda: broker.publish(signals(-1))) < 1 + SLACK
        events = (await broker.tail(HistoryLimits())).events
    found = {EventId(event.epoch, event.position): event.message for event in events}
    assert len(acknowledged) >= 1000
    assert acknowledged.items() <= found.items()
    assert sorted(event_id.position for event_id in found) == [number << 10 for number in range(1, len(found) + 1)]


async def work(broker: RedisBroker, number: int, acknowledged: dict[EventId, int], enough: asyncio.Event) -> None:
    """Publish until the log is gone."""
    before = len(acknowledged)
    with suppress(BrokerUnavailable):
        while True:
            acknowledged[(await broker.publish(signals(number))).ids[0]] = number
            if len(acknowledged) > before + 100:
                enough.set()


async def test_a_stopped_redis_is_noticed_in_time(server: RedisServer) -> None:
    """A publish is answered, following ends, and a repeat tells what became of it when the server goes on."""
    key = IdempotencyKey.of("me", "k", signals(7))
    async with node(server.url, timeout=USUAL) as broker:
        head = await publish(broker, 1)
        following = asyncio.ensure_future(read(broker, head, 99))
        await publish(broker, 2)
        server.signal(signal.SIGSTOP)
        try:
            with pytest.raises(BrokerUnavailable) as caught:
                await asyncio.wait_for(broker.publish(signals(7), key=key), 1.5 + SLACK)
            assert caught.value.outcome_unknown
            later = [seconds(ask) for ask in (broker.publish(signals(8)), broker.head(), broker.state.items("a"))]
            assert max(await asyncio.gather(*later)) < 1.5 + SLACK
            assert await seconds(asyncio.wait_for(following, 3 + SLACK)) < 3 + SLACK
            assert await seconds(broker.tail(HistoryLimits())) < 1.5 + SLACK
        finally:
            server.signal(signal.SIGCONT)
        assert await until_it_works(lambda: broker.publish(signals(9))) < 1 + SLACK
        again = await broker.publish(signals(7), key=key)
        messages = [event.message for event in (await broker.tail(HistoryLimits())).events]
    assert messages.count(7) == 1
    assert messages[(again.ids[0].position >> 10) - 1] == 7


async def test_a_server_that_was_restarted_meanwhile_costs_no_publish(server: RedisServer) -> None:
    """A connection that the server has closed is seen to be closed before anything is sent."""
    async with node(server.url) as broker:
        first = await publish(broker, 1)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert await publish(broker, 2) == EventId(first.epoch, first.position + 1024)


async def test_a_log_that_is_emptied_is_another_log(server: RedisServer) -> None:
    """Whoever follows is told at once where the new one begins; a publisher goes on in it without an error."""
    async with node(server.url) as broker, node(server.url) as other:
        head = await publish(broker, 1, 2)
        await other.head()
        async with aclosing(broker.follow(head)) as pieces:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(pieces))
            await publish(broker, 3)
            await waiting
            waiting = asyncio.ensure_future(anext(pieces))
            async with client(server.url) as redis:
                await redis.flushall()
            assert (await other.head()).position == 0
            new = await publish(other, 4)
            (fork,) = await waiting
            (event,) = await anext(pieces)
        assert isinstance(fork, Fork)
        assert (fork.position, fork.lineage.epoch, fork.lineage.forks) == (0, new.epoch, ())
        assert (event.epoch, event.position, event.message) == (new.epoch, 1024, 4)
        assert new.epoch != head.epoch
        assert (await publish(broker, 5)) == EventId(new.epoch, 2048)


async def test_a_quiet_log_is_looked_for(server: RedisServer) -> None:
    """Whoever follows one asks again and again whether it is still there, and gets what comes then."""
    async with node(server.url) as broker, client(server.url) as redis:
        following = asyncio.ensure_future(read(broker, await broker.head(), 1))
        async with asyncio.timeout(DEADLINE), redis.monitor() as heard:
            asked = 0
            while asked < 2:
                asked += (await heard.next_command())["command"] == "ROLE"
        await publish(broker, 1)
        assert [event.message for event in await following] == [1]


async def test_whoever_is_cancelled_disturbs_nobody(server: RedisServer) -> None:
    """Every second one of those in a round trip leaves; each of the others gets its own reply."""
    async with node(server.url) as broker:
        for _ in range(20):
            calls = [asyncio.ensure_future(broker.publish(signals(number, number))) for number in range(20)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for call in calls[::2]:
                call.cancel()
            receipts = await asyncio.gather(*calls[1::2])
            events = {e.position: e.message for e in (await broker.tail(HistoryLimits())).events}
            assert [[events[i.position] for i in each.ids] for each in receipts] == [[n, n] for n in range(1, 20, 2)]


async def test_a_work_that_is_cancelled_answers_all(server: RedisServer) -> None:
    """As when a loop is being closed: nobody waits for ever."""
    async with node(server.url) as broker:
        await publish(broker, 1)
        server.signal(signal.SIGSTOP)
        try:
            calls = [asyncio.ensure_future(broker.publish(signals(number))) for number in range(300)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            (work,) = (task for task in asyncio.all_tasks() if task.get_name() == "sse_signals talks to Redis")
            work.cancel()
            results = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), SLACK)
        finally:
            server.signal(signal.SIGCONT)
        assert [isinstance(r, BrokerUnavailable) and r.outcome_unknown for r in results] == [True] * 256 + [False] * 44
        assert await until_it_works(lambda: broker.publish(signals(1))) < 1 + SLACK


async def test_an_end_leaves_no_connection(server: RedisServer) -> None:
    """Neither a follower that is closed or cancelled nor a node that is closed."""
    async with client(server.url) as redis:

        async def has(count: int) -> bool:
            return len(await redis.client_list()) == count

        async with node(server.url) as broker:
            head = await publish(broker, 1)
            following = [asyncio.ensure_future(read(broker, head, 99)) for _ in range(5)]
            async with aclosing(broker.follow(AFTER_ALL)) as pieces:  # type: ignore[type-var]
                await anext(pieces)
            await until(lambda: has(1 + 1 + 5))
            for task in following:
                task.cancel()
            await asyncio.wait(following)
            await until(lambda: has(1 + 1))
        await until(lambda: has(1))
