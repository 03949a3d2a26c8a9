"""Listening through a network that fails in all its ways: it goes on by itself, and leaving never hangs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import SignalsClient
from sse_signals.client import remote_stream, subscribing
from tests.client.scripted import Reply, reply, scripted, stream
from tests.client.test_reading import frame, place, receipt
from tests.client.test_remote_publish import port_of
from tests.client.test_remote_subscribe import take
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.server import Running
    from tests.conftest import StartHub

pytestmark = pytest.mark.usefixtures("soon")
RETRY = b"retry: 10\n\n"  # milliseconds; what the hub asks for is seconds, so that tests would take their time


@asynccontextmanager
async def proxied(hub: Running, **options: Any) -> AsyncIterator[tuple[FaultProxy, SignalsClient]]:
    """Give a network to a hub, and a client behind it."""
    async with (
        asyncio.timeout(60),
        FaultProxy("127.0.0.1", port_of(hub.url)) as proxy,
        SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}", **options) as client,
    ):
        yield proxy, client


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_stream_that_breaks_goes_on(hub: Running, end: str) -> None:
    """What was published while nobody was connected comes first, once, in order."""
    async with SignalsClient.for_plugin("a", url=hub.url) as publisher, proxied(hub) as (proxy, client):
        async with client.subscribe() as events:
            for round_number in range(5):
                await publisher.publish([round_number, 0])
                assert await take(events, 1) == [[round_number, 0]]
                getattr(proxy, end)()
                await publisher.publish([round_number, 1])
                await publisher.publish([round_number, 2])
                await proxy.restore()
                assert await take(events, 2) == [[round_number, 1], [round_number, 2]]
        assert proxy.connections > 5


async def test_silence_is_a_broken_connection(start_hub: StartHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that is dead and does not say so is left after two heartbeats."""
    monkeypatch.setattr(subscribing, "SHORTEST", 0.3)
    hub = await start_hub(heartbeat=0.1)
    async with (
        SignalsClient.for_plugin("a", url=hub.url) as publisher,
        proxied(hub) as (proxy, client),
        client.subscribe() as events,
    ):
        await proxy.half_open()
        await publisher.publish("meanwhile")
        before = proxy.connections
        async with asyncio.timeout(30):
            while proxy.connections == before:  # noqa: ASYNC110 - the network tells nobody
                await asyncio.sleep(0.01)
        await proxy.restore()
        assert await take(events, 1) == ["meanwhile"]


async def test_a_server_that_takes_a_request_and_says_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the head of its answer, or in the middle of an answer that is no stream."""
    monkeypatch.setattr(remote_stream, "OPENING", 1.0)
    half = Reply(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 9\r\n\r\n<html>", "hold")
    first = stream(receipt(place(4)), RETRY, then="close")
    async with (
        scripted(first, Reply(b"", "hold"), half, stream(receipt(place(4)), frame(5))) as server,
        SignalsClient.for_plugin("a", url=server.url) as client,
        client.subscribe() as events,
    ):
        assert (await anext(events)).id == "7k2m9xq4-5"
    assert len(server.asked) == 4


@pytest.mark.parametrize("how", ["leave", "cancel", "close"])
@pytest.mark.parametrize("connecting", [False, True])
async def test_leaving_does_not_hang_in_a_dead_network(hub: Running, how: str, connecting: bool) -> None:
    """In the middle of a stream, and while connecting; the iteration has ended then."""
    loop = asyncio.get_running_loop()
    inside, leave = asyncio.Event(), asyncio.Event()

    async def listen(client: SignalsClient) -> list[Any]:
        async with client.subscribe() as events:
            inside.set()
            if how != "leave":
                return [event async for event in events]
            await leave.wait()
            return []

    async with proxied(hub) as (proxy, client):
        listening = asyncio.create_task(listen(client))
        await inside.wait()
        await proxy.half_open()
        if connecting:
            before = proxy.connections
            proxy.reset()
            while proxy.connections == before:  # noqa: ASYNC110 - the network tells nobody
                await asyncio.sleep(0.01)
        started = loop.time()
        match how:
            case "leave":
                leave.set()
            case "cancel":
                listening.cancel()
            case _:
                await client.close()
        await asyncio.wait([listening])
        assert loop.time() - started < 5.0
        assert listening.cancelled() if how == "cancel" else listening.result() == []


async def test_pages_and_errors_in_the_place_of_the_hub_pass() -> None:
    """A deployment in all its colours; each time it resumes where it was."""
    replies = [
        stream(RETRY, receipt(place(4)), RETRY, frame(5), then="close"),
        reply(502, b"<html>", "text/html"),
        reply(404, b"<html>", "text/html"),
        reply(302, Location="http://login/"),
        reply(200, b"<html>", "text/html"),
        reply(503, then="reset"),
        stream(b"retry: 10\nevent: signals.goodbye\ndata: {}\n\n", then="close"),
        stream(then="close"),
        stream(receipt(place(5)), RETRY, frame(6), frame(7)[:-1], then="reset"),
        stream(receipt(place(6)), frame(7)),
    ]
    async with (
        scripted(*replies) as server,
        SignalsClient.for_plugin("a", url=server.url) as client,
        client.subscribe() as events,
    ):
        got = [(await anext(events)).id for _ in range(3)]
    assert got == ["7k2m9xq4-5", "7k2m9xq4-6", "7k2m9xq4-7"]
    resumed = [asked.header("Last-Event-ID") for asked in server.asked]
    assert resumed == [None, *["7k2m9xq4-5"] * 8, "7k2m9xq4-6"]
