"""Three NATS servers that hold the log together: one may die."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId
from tests.brokers.nats_world import USUAL, Node, Publisher, opened, operator, returned, running, until
from tests.brokers.servers import NatsServer, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[list[NatsServer]]:
    """Three servers in a cluster."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    started = []
    for number, port in enumerate(ports):
        folder = tmp_path / str(number)
        folder.mkdir()
        more = f'server_name: n{number}\ncluster {{ name: c, listen: "127.0.0.1:{port}", routes: [{routes}] }}'
        started.append(NatsServer(folder, sync="2m", more=more).start())
    yield started
    for server in started:
        server.stop()


async def test_the_leader_dies_under_load(servers: list[NatsServer]) -> None:
    """What was acknowledged is there, once, in order, without a fork; publishing and following go on."""
    url = ",".join(server.url for server in servers)
    async with asyncio.timeout(60):
        await formed(url)
        async with (
            opened(url, nats_replicas=3, timeout=USUAL) as broker,
            opened(url, nats_replicas=3, timeout=USUAL) as other,
        ):
            node = Node(other, await returned(other))
            publishers = [Publisher(broker, number * 10**6) for number in range(4)]
            async with running(node.run(), *(each.run() for each in publishers)) as tasks:
                await until(lambda: all(len(each.acknowledged) > 20 for each in publishers))
                async with operator(url.split(",")) as jetstream:
                    info = await jetstream.stream_info("signals")
                assert info.cluster is not None
                leader = servers[int(str(info.cluster.leader)[1:])]
                await asyncio.to_thread(leader.kill)
                before = max(len(each.acknowledged) for each in publishers)
                await until(lambda: all(len(each.acknowledged) > before + 20 for each in publishers))
                for each in publishers:
                    each.stopped = True
                await asyncio.wait(tasks[1:])
                head = await returned(broker)
                await until(lambda: node.at.position >= head.position)
            assert not node.forks
            assert [event.position >> 10 for event in node.events] == list(range(1, (head.position >> 10) + 1))
            ids = {event.message: EventId(event.epoch, event.position) for event in node.events}
            assert len(ids) == len(node.events)
            for each in publishers:
                assert {number: ids.get(number) for number in each.acknowledged} == each.acknowledged


async def formed(url: str) -> None:
    """Wait until the servers have found each other and made the streams."""
    while True:
        with suppress(BrokerUnavailable):
            async with opened(url, nats_replicas=3):
                return
        await asyncio.sleep(0.1)
