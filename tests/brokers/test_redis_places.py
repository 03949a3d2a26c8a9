"""Where a Redis URL leads, with real Sentinels and a real cluster."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import EventId, position
from tests.brokers.redis_nodes import client, in_step, made, node, publish, read, until, until_it_works
from tests.brokers.servers import RedisServer, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class SentinelServer(RedisServer):
    """Looks after one master, whose failure it believes after a second."""

    def __init__(self, folder: Path, master: RedisServer) -> None:
        super().__init__(folder)
        self.master = master

    def command(self) -> Sequence[str]:
        configuration = self.folder / "sentinel.conf"
        configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
            f"sentinel monitor main 127.0.0.1 {self.master.port} 1\n"
            "sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 3000\n"
        )
        return (self.program, str(configuration), "--sentinel")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[RedisServer]]:
    """Two servers in folders of their own; more can be added."""
    servers = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        servers.append(RedisServer(tmp_path / name))
    yield servers
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://user:secret@",
        "redis://user:secret@host:port",
        "redis://user:secret@host:70000",
        "redis://user:secret@host/zero",
        "redis://user:secret@host/0/1",
        "redis://user:secret@host,other/0",
        "redis://user:secret@host?ssl_check_hostname=yes",
        "redis://user:secret@host?no_such_parameter=1",
        "redis://user:secret@host?socket_keepalive_options=%FF&socket_read_size=x",
        "redis://user:secret@host?decode_responses=1",
        "redis+sentinel://user:secret@host",
        "redis+sentinel://user:secret@host/main/x",
        "redis+cluster://user:secret@host/1",
        "redis+cluster://user:secret@host,,other",
        "redis+other://user:secret@host",
        "http://user:secret@host",
        "unix:///secret",
    ],
)
def test_a_url_that_is_no_good_is_refused(url: str) -> None:
    """In a sentence without its password."""
    with pytest.raises(ConfigurationError) as caught:
        made(url)
    assert "user:" not in str(caught.value)
    assert ":secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "redis://:secret@[::1]:7000/3?client_name=x",
        "rediss://user:secret@host/?ssl_cert_reqs=none",
        "rediss+sentinel://a,b:1/main/2",
        "rediss+cluster://a:1,b",
    ],
)
def test_a_good_url_asks_nobody(url: str) -> None:
    """Nothing is connected before it is needed."""
    made(url)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    """Whether it is one, a cluster or Sentinels."""
    for url in (f"redis://127.0.0.1:{free_port()}", f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{free_port()}"):
        with pytest.raises(BrokerUnavailable, match="cannot be reached"):
            await made(url).open()
    for scheme in ("redis", "rediss"):
        with pytest.raises(BrokerUnavailable, match="cannot be reached"):
            await made(f"{scheme}+sentinel://127.0.0.1:{free_port()}/main").open()


async def test_sentinels_name_the_master(started: list[RedisServer], tmp_path: Path) -> None:
    """And the new one, when the old one is gone; what it has goes on in a new epoch."""
    master, replica = started[:2]
    await asyncio.to_thread(master.start)
    replica.options += ("--replicaof", "127.0.0.1", str(master.port))
    await asyncio.to_thread(replica.start)
    await asyncio.to_thread((tmp_path / "sentinel").mkdir)
    sentinel = SentinelServer(tmp_path / "sentinel", master)
    started.append(sentinel)
    await asyncio.to_thread(sentinel.start)
    async with node(f"redis+sentinel://127.0.0.1:{free_port()},127.0.0.1:{sentinel.port}/main/2") as broker:
        old = await publish(broker, 1, 2, 3)
        async with client(sentinel.url) as redis:

            async def knows_it() -> bool:
                return bool(await redis.execute_command("SENTINEL", "REPLICAS", "main"))

            await until(knows_it)
        await in_step(master)
        await asyncio.to_thread(master.kill)
        await until_it_works(broker.head)
        new = await publish(broker, 4)
        assert (new.position, new.epoch != old.epoch) == (position(4), True)


async def test_a_cluster_is_asked_where_the_log_is(started: list[RedisServer]) -> None:
    """Any of its servers will do, and it is followed when it moves."""
    owner, other = started[:2]
    for server in (owner, other):
        while server.port > 55_000:  # the port between servers is 10,000 above
            server.port = free_port()
        server.options += ("--cluster-enabled", "yes")
        await asyncio.to_thread(server.start)
    async with client(owner.url) as first, client(other.url) as second:
        await first.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        await first.execute_command("CLUSTER", "MEET", "127.0.0.1", str(other.port))

        async def agree() -> bool:
            said = [await each.execute_command("CLUSTER INFO") for each in (first, second)]
            return all((a["cluster_state"], a["cluster_known_nodes"]) == ("ok", "2") for a in said)

        await until(agree)
        url = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{other.port},127.0.0.1:{owner.port}"
        async with node(url) as broker:
            head = await broker.head()
            assert (await publish(broker, 1)).position == position(1)
            # An empty log's slot can be given away without more ado; its keys are then nowhere.
            slot = int(await first.execute_command("CLUSTER", "KEYSLOT", "{signals}"))
            await first.flushall()
            to = (await second.execute_command("CLUSTER", "MYID")).decode()
            for each in (second, first):
                await each.execute_command("CLUSTER", "SETSLOT", str(slot), "NODE", to)
            await until_it_works(broker.head)
            new = await publish(broker, 2)
            assert new == EventId(new.epoch, position(1))
            assert new.epoch != head.epoch
            assert [e.message for e in await read(broker, EventId(new.epoch, 0), 1)] == [2]
        assert await second.dbsize() > 0
        assert await first.dbsize() == 0
