"""A log on Redis that has lost its newest records: restored from a copy, or taken over by a replica."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import INDEX_MASK, EventId, Fork, HistoryLimits, position
from tests.brokers.redis_nodes import (
    AFTER_ALL,
    DEADLINE,
    Told,
    client,
    in_step,
    made,
    node,
    publish,
    read,
    until,
    until_it_works,
)
from tests.brokers.servers import RedisServer
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sse_signals.brokers.redis import RedisBroker
    from sse_signals.model import Event


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[RedisServer]]:
    """A server, and another one that does not run yet."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name / "data").mkdir(parents=True)
        made.append(RedisServer(tmp_path / name / "data"))
    made[0].start()
    yield made
    for each in made:
        each.kill()  # nobody wants what it has, and one that was a replica takes its time for a good end


@pytest.fixture
def server(servers: list[RedisServer]) -> RedisServer:
    """A server that a test may do anything to."""
    return servers[0]


def keep(server: RedisServer) -> None:
    """Make a copy of what it has on disk now."""
    server.stop()
    shutil.copytree(server.folder, server.folder.parent / "copy")
    server.start()


def restore(server: RedisServer) -> None:
    """Put the copy in the place of what it has."""
    server.stop()
    shutil.rmtree(server.folder)
    shutil.copytree(server.folder.parent / "copy", server.folder)
    server.start()


class Reader:
    """Follows a log as a node does, and keeps what it gets."""

    def __init__(self, broker: RedisBroker, after: EventId) -> None:
        self.events: list[Event] = []
        self._broker = broker
        self._at = after
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        while True:
            try:
                async with aclosing(self._broker.follow(self._at)) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        self.events += piece
                        self._at = EventId(piece[-1].epoch, piece[-1].position)
            except BrokerUnavailable:
                await asyncio.sleep(0.02)

    async def has(self, count: int) -> list[Event]:
        """Wait for so many events, and return and forget them."""
        async with asyncio.timeout(DEADLINE):
            while len(self.events) < count:
                assert not self._task.done()
                await asyncio.sleep(0.01)
        events, self.events = self.events, []
        return events

    async def end(self) -> None:
        """Follow no longer."""
        self._task.cancel()
        await asyncio.wait([self._task])


async def test_a_restored_log_goes_on_in_a_new_epoch(server: RedisServer) -> None:
    """Who follows is told up to where it is the same; no position of the old epoch is given to anything else."""
    told = Told()
    async with node(server.url, logger=told) as broker:
        start = await broker.head()
        kept = await publish(broker, *range(50))
        await asyncio.to_thread(keep, server)
        lost = await publish(broker, *range(50, 1050))
        reader = Reader(broker, start)
        assert len(await reader.has(1050)) == 1050
        await asyncio.to_thread(restore, server)
        await until_it_works(broker.head)
        new = await publish(broker, 2000, 2001)
        fork, *events = await reader.has(3)
        await reader.end()
        assert isinstance(fork, Fork)
        assert (fork.position, fork.epoch) == (position(50, INDEX_MASK), new.epoch)
        assert fork.lineage.shared(kept.epoch) == position(50, INDEX_MASK)
        assert [(e.epoch, e.position, e.message) for e in events] == [
            (new.epoch, position(51), 2000),
            (new.epoch, position(52), 2001),
        ]
        assert told.text.count("the log went backwards") == 1

        inside = await read(broker, kept, 3)
        assert (inside[0].position, [e.message for e in inside[1:]]) == (kept.position, [2000, 2001])
        above = await read(broker, lost, 3)
        assert (above[0].position, [e.message for e in above[1:]]) == (position(50, INDEX_MASK), [2000, 2001])
        assert [e.epoch for e in await read(broker, AFTER_ALL, 52)] == [kept.epoch] * 50 + [new.epoch] * 2
        tail = await broker.tail(HistoryLimits())
        assert tail.lineage == fork.lineage
        assert [e.epoch for e in tail.events] == [kept.epoch] * 50 + [new.epoch] * 2


async def test_who_knows_less_does_not_vouch_for_a_restored_log(server: RedisServer) -> None:
    """A server was started anew: what it has goes on in a new epoch unless somebody has seen all of it, or more."""
    told = Told()
    async with node(server.url, logger=told) as knows_less, node(server.url, logger=told) as knows_more:
        await publish(knows_less, *range(10))
        old = await publish(knows_more, *range(10, 50))
        await asyncio.to_thread(keep, server)
        await publish(knows_more, *range(50, 60))
        await asyncio.to_thread(restore, server)
        unnoticed = await publish(knows_less, *range(100, 120))
        assert (unnoticed.position, unnoticed.epoch != old.epoch) == (position(70), True)
        reader = Reader(knows_less, old)
        new = await publish(knows_more, 200)
        assert new == EventId(unnoticed.epoch, position(71))
        fork, *events = await reader.has(22)
        assert isinstance(fork, Fork)
        assert fork.position == old.position
        assert fork.lineage.forks == ((old.epoch, position(50, INDEX_MASK)),)
        assert [(e.epoch, e.message) for e in events] == [(new.epoch, n) for n in (*range(100, 120), 200)]
        await reader.end()
    assert told.text.count("the log went backwards") == 0
    assert told.text.count("may have lost") == 1


async def test_a_node_that_knows_nothing_does_not_vouch_for_a_server_that_was_started_anew(server: RedisServer) -> None:
    """Everybody who has seen more may be gone: ids above what is there must not come to mean something else."""
    async with node(server.url) as first:
        kept = await publish(first, *range(10))
        await asyncio.to_thread(keep, server)
        lost = await publish(first, *range(10, 20))
    await asyncio.to_thread(restore, server)
    async with node(server.url) as anew, node(server.url) as later:
        new = await publish(anew, *range(100, 120))
        assert (new.position, new.epoch != kept.epoch) == (position(30), True)
        fork, event, *_ = await read(anew, kept, 2)
        assert (type(fork), fork.position, event.message) == (Fork, kept.position, 100)
        fork, event, *_ = await read(later, lost, 2)
        assert (type(fork), fork.position, event.message) == (Fork, position(10, INDEX_MASK), 100)
        assert await publish(later, 200) == EventId(new.epoch, position(31))


async def test_a_log_that_goes_back_behind_a_fork_gets_a_third_epoch(server: RedisServer) -> None:
    """It says that it is of the first epoch, and is not what goes on from it."""
    async with node(server.url) as broker:
        first = await publish(broker, *range(20))
        await asyncio.to_thread(keep, server)
        await publish(broker, *range(20, 30))
        await asyncio.to_thread(restore, server)
        second = await publish(broker, 100, 101)
        await asyncio.to_thread(restore, server)
        third = await publish(broker, 200)
        assert len({first.epoch, second.epoch, third.epoch}) == 3
        assert third.position == position(21)
        tail = await broker.tail(HistoryLimits())
        assert tail.lineage is not None
        last = position(20, INDEX_MASK)
        assert tail.lineage.forks == ((first.epoch, last), (second.epoch, last))


async def test_a_restart_that_loses_nothing_changes_nothing(server: RedisServer) -> None:
    """A follower goes on in the same epoch."""
    async with node(server.url) as broker:
        reader = Reader(broker, await publish(broker, 1))
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await publish(broker, 2)
        (event,) = await reader.has(1)
        await reader.end()
        assert (event.message, event.epoch) == (2, (await broker.head()).epoch)
        assert (await broker.tail(HistoryLimits())).lineage is None


async def test_a_replica_that_takes_over_begins_a_new_epoch(servers: list[RedisServer]) -> None:
    """Nobody can tell what it had not got yet, so ids above its head are not to be trusted; and that only once."""
    master, replica = servers
    replica.options += ("--replicaof", "127.0.0.1", str(master.port))
    await asyncio.to_thread(replica.start)
    proxy = FaultProxy("127.0.0.1", master.port)
    async with proxy, node(f"redis://127.0.0.1:{proxy.port}") as broker:
        old = await publish(broker, *range(10))
        reader = Reader(broker, old)
        await in_step(master)
        await asyncio.to_thread(master.kill)
        proxy.target = ("127.0.0.1", replica.port)

        async def is_refused() -> bool:
            with pytest.raises(BrokerUnavailable) as caught:
                await publish(broker, 99)
            return "is a replica" in str(caught.value)

        await until(is_refused)
        async with client(replica.url) as redis:
            await redis.replicaof("NO", "ONE")
        async with node(replica.url) as other:  # it knows nothing, and sees it all the same
            new = await publish(other, 100)
        assert (new.position, new.epoch != old.epoch) == (position(11), True)
        assert (await publish(broker, 101)) == EventId(new.epoch, position(12))
        fork, *events = await reader.has(3)
        await reader.end()
        assert (type(fork), fork.position, [e.message for e in events]) == (Fork, old.position, [100, 101])


async def test_a_master_that_becomes_a_replica_is_left(servers: list[RedisServer]) -> None:
    """Who follows does not wait there for what never comes, and nothing is appended."""
    master, other = servers
    await asyncio.to_thread(other.start)
    async with node(master.url) as broker:
        head = await publish(broker, 1)
        following = asyncio.ensure_future(read(broker, head, 9))
        await publish(broker, 2)
        async with client(master.url) as redis:
            await redis.replicaof("127.0.0.1", str(other.port))
        with pytest.raises(BrokerUnavailable):
            await asyncio.wait_for(following, DEADLINE)
        with pytest.raises(BrokerUnavailable) as caught:
            await publish(broker, 3)
        assert not caught.value.outcome_unknown


async def test_a_node_that_is_not_open_sees_nothing_lost(server: RedisServer) -> None:
    """It knows nothing of the log."""
    broker = made(server.url)
    assert (await broker.head()).position == 0
    await broker.close()
