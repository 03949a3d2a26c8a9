"""The end of a hub that is a process: by signals, by an order, under systemd, and of one of two nodes under load."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sse_signals import SignalsClient
from tests.activated import Manager
from tests.crew import DEADLINE
from tests.web.doors import until
from tests.web.listening import Reading
from tests.web.rawhttp import ask, connection, request
from tests.web.test_departure import LIVE, READY, STREAM, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sse_signals.server import Running
    from tests.brokers.servers import RedisServer
    from tests.conftest import StartHub

LONG = ("--drain-delay", "600", "--drain-window", "600")
DRAIN = request("POST", "/signals/drain", "Content-Type: application/json", body=b'{"node":"this"}')


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """What starts hubs."""
    manager = Manager(tmp_path)
    yield manager
    manager.close()


async def test_an_order_ends_a_hub_and_the_next_one_takes_its_socket(manager: Manager) -> None:
    """It is told ready, alive and stopping; the first signal finds it draining, the second has it hurry.

    It ends with 0, and who connects while no hub is there waits for the next one.
    """
    async with manager.start(*LONG) as hub:
        assert (await manager.hear("READY=1"))[0]
        await manager.hear("WATCHDOG=1")
        (listening,) = await hub.hear("listening")
        assert listening["url"] == manager.url
        async with reading(manager.url, 1) as streams:
            assert (await ask(manager.url, DRAIN)).status == 202
            assert "EXTEND_TIMEOUT_USEC=1235000000" in await manager.hear("STOPPING=1")
            assert (await ask(manager.url, READY)).status == 503
            assert (await ask(manager.url, LIVE)).status == 200
            (began,) = await hub.hear("drain began")
            assert began.items() >= {"why": "order", "streams": 1, "delay": 600.0, "window": 600.0}.items()
            hub.process.send_signal(signal.SIGTERM)
            await manager.hear("WATCHDOG=1")
            assert not hub.told("drain done")
            assert await hub.stop(signal.SIGINT) == 0  # two that are the same may become one on their way
            assert (await streams[0].rest()).reason == "shutdown"
        assert hub.noise == []
    async with connection(manager.url) as (reader, writer):
        writer.write(READY)
        async with manager.start() as hub:
            assert b"200 OK" in await reader.readuntil(b"\r\n")
            assert await hub.stop(signal.SIGINT) == 0
            assert hub.told("drain began")[0]["why"] == "SIGINT"


async def test_workers_share_a_socket_and_one_order_is_to_all(manager: Manager) -> None:
    """READY when all follow, RELOADING while they are replaced with a window and no delay; a hurry ends all with 0."""
    async with manager.start("--workers", "2", "--drain-delay", "600", "--drain-window", "0.1") as hub:
        await manager.hear("READY=1")
        reader, writer = await asyncio.open_connection(*manager.place)
        writer.write(STREAM)
        stream = Reading(reader, await reader.readuntil(b'"heartbeat"'))
        hub.process.send_signal(signal.SIGHUP)
        await manager.hear("RELOADING=1")
        await hub.hear("all workers replaced")
        await manager.hear("READY=1")
        assert (await stream.rest()).reason == "shutdown"
        writer.close()
        replaced = hub.told("drain began")
        assert [entry["why"] for entry in replaced] == ["replaced"] * 2
        assert all(entry["delay"] <= 1 for entry in replaced)
        assert (await ask(manager.url, DRAIN)).status == 202
        await hub.hear("drain began", 2, why="order")
        await manager.hear("STOPPING=1")
        hub.process.send_signal(signal.SIGTERM)
        await hub.hear("shutting down", workers=2)
        assert await hub.stop(signal.SIGINT) == 0  # two that are the same may become one on their way
        assert hub.noise == []
        assert not hub.told("worker killed")
        assert not hub.told("worker ended")


async def test_a_socket_and_an_address_contradict_each_other(manager: Manager) -> None:
    """The sentence names what is set, by the name by which it was set."""
    async with manager.start("--port", "0", SIGNALS_HOST="127.0.0.1") as hub:
        assert await hub.end() == 2
        (sentence,) = hub.noise
        assert sentence.startswith("sse-signals: SIGNALS_HOST and --port (SIGNALS_PORT) cannot be set where systemd")


async def test_one_of_two_nodes_drains_under_load(start_hub: StartHub, redis_server: RedisServer) -> None:
    """200 streams of one node go to the other while signals are published all the time: no publish fails, none is lost.

    The publisher talks to the node that drains for as long as that listens.
    """
    broker = {"broker": redis_server.url, "max_streams_per_address": 1000, "drain_window": 1.0, "drain_delay": 0.3}
    here: Running = await start_hub(**broker)
    there: Running = await start_hub(**broker)
    published = 0
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        readers = [asyncio.create_task(follow(http, here.url, there.url)) for _ in range(200)]
        await until(lambda: here.service.streams == 200)

        async def publish_until_drained() -> None:
            nonlocal published
            async with SignalsClient.for_plugin("a", url=here.url) as client:
                while not draining.done():
                    await client.publish(published, topic="t")
                    published += 1
                    await asyncio.sleep(0.01)

        draining = asyncio.create_task(here.service.drain())
        await publish_until_drained()
        await draining
        async with SignalsClient.for_plugin("a", url=there.url) as client:
            await client.publish("end", topic="t")
        async with asyncio.timeout(DEADLINE):
            received = await asyncio.gather(*readers)
    assert published > 3
    assert all(messages == list(range(published)) for messages in received)
    assert here.service.site.ledger.closed == {"shutdown": 200}


async def follow(http: aiohttp.ClientSession, first: str, then: str) -> list[object]:
    """Read as an EventSource behind a load balancer does: to the end of the stream, then resume at the other node."""
    messages: list[object] = []
    last, url = "", first
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        async with http.get(f"{url}/stream?topic=a:t", headers=headers) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"id: "):
                    last = line[4:].strip().decode()
                elif b'"message":"end"' in line:
                    return messages
                elif b'"message":' in line:
                    messages.append(int(line.partition(b'"message":')[2].rstrip(b"}\n")))
                assert b"signals.gap" not in line
        url = then
