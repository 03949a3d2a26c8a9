"""Clients that vanish or never read leave nothing behind, in our server and in anybody's."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from tests.web.doors import Door, OpenDoor, foreign, own, until
from tests.web.faulty import FaultyBroker
from tests.web.rawhttp import ask, connection, request

BOTH = pytest.mark.parametrize("open_door", [own, foreign])
GONE = {"streams": 0, "hub": 0, "groups": 0, "owners": 0, "turnstile": 0}


async def publish(door: Door, body: bytes) -> None:
    """Publish a text."""
    assert (await ask(door.url, request("POST", "/signals/publish?topic=a", body=body))).status == 202


@BOTH
@pytest.mark.parametrize("how", ["abort", "close", "half-close"])
async def test_clients_that_vanish(open_door: OpenDoor, how: str) -> None:
    """However clients go, everything that knew of their streams is gone soon after, and each end is logged."""
    with capture_logs() as logs:
        async with open_door(heartbeat=0.1) as door:
            tasks = len(asyncio.all_tasks())
            async with contextlib.AsyncExitStack() as stack:
                for number in range(20):
                    reader, writer = await stack.enter_async_context(connection(door.url))
                    form = "Accept: application/x-ndjson" if number % 2 else "Accept: */*"
                    writer.write(request("GET", f"/signals/stream?topic=a&topic=b{number % 3}", form))
                    await reader.readuntil(b"signals.open")
                    if how == "close":
                        stack.callback(writer.close)
                    elif how == "half-close":
                        stack.push_async_callback(reader.read)
                        stack.callback(writer.write_eof)
                assert door.counts() == {**GONE, "streams": 20, "hub": 20, "groups": 6}
            await until(lambda: door.counts() == GONE)
            await until(lambda: len(asyncio.all_tasks()) == tasks)
            await publish(door, b"x")
    opened = [entry["stream"] for entry in logs if entry["event"] == "stream opened"]
    closed = [entry["stream"] for entry in logs if entry["event"] == "stream closed"]
    assert sorted(opened) == sorted(closed)
    assert len(set(opened)) == 20
    ends = [entry for entry in logs if entry["event"] == "stream closed"]
    assert {entry["reason"] for entry in ends} == {"client-gone"}
    assert all({"seconds", "events", "bytes", "times_behind"} <= entry.keys() for entry in ends)


@BOTH
async def test_clients_that_vanish_in_the_middle_of_a_write(open_door: OpenDoor) -> None:
    """Clients that go while the hub writes to them take nothing away from those that stay."""
    async with open_door(heartbeat=0.1) as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream", version="1.0"))
        await reader.readuntil(b"signals.open")
        tasks = len(asyncio.all_tasks())
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(10):
                other, gone = await stack.enter_async_context(connection(door.url))
                gone.write(request("GET", "/signals/stream"))
                await other.readuntil(b"signals.open")
                stack.callback(gone.transport.abort)
            publishing = asyncio.create_task(
                asyncio.wait([asyncio.create_task(publish(door, b"%d" % n)) for n in range(50)])
            )
        await publishing
        seen = b""
        while seen.count(b'"message":') < 50:
            seen += await reader.read(65536)
        assert [seen.count(b'"message":"%d"' % n) for n in range(50)] == [1] * 50
        await until(lambda: door.service.streams == 1)
        await until(lambda: len(asyncio.all_tasks()) == tasks)


@BOTH
async def test_clients_that_never_read(open_door: OpenDoor) -> None:
    """A client that takes nothing falls behind alone, is aborted after the send timeout, and leaves nothing behind."""
    with capture_logs() as logs:
        async with open_door(heartbeat=0.1, send_timeout=1.0) as door, connection(door.url) as (reader, writer):
            tasks = len(asyncio.all_tasks())
            writer.write(request("GET", "/signals/stream?topic=a", version="1.0"))
            await reader.readuntil(b"signals.open")
            reading = asyncio.create_task(reader.read())
            async with connection(door.url, limit=1024) as (stuck, deaf):
                deaf.write(request("GET", "/signals/stream?topic=a"))
                await stuck.readuntil(b"signals.open")
                published = 0
                while door.service.streams == 2:
                    await publish(door, b"x" * 60_000)
                    published += 1
                assert door.service.site.sweep is not None
                assert door.service.site.sweep.aborted == 1
            await publish(door, b"last")
            await door.service.drain()
            seen = await reading
            assert seen.count(b'"message":"x') == published
            assert seen.count(b'"message":"last"') == 1
            await until(lambda: door.counts() == GONE)
            await until(lambda: len(asyncio.all_tasks()) <= tasks)
    (end,) = [entry for entry in logs if entry.get("reason") == "send-timeout"]
    assert end["times_behind"] >= 1


@BOTH
async def test_clients_that_vanish_while_catching_up(open_door: OpenDoor) -> None:
    """A stream that is still reading the history when its client goes is gone too."""
    async with open_door(heartbeat=0.1) as door:
        tasks = len(asyncio.all_tasks())
        for _ in range(60):
            await publish(door, b"x" * 60_000)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(5):
                reader, writer = await stack.enter_async_context(connection(door.url, limit=1024))
                writer.write(request("GET", "/signals/stream?since=all"))
                await reader.readuntil(b"signals.open")
            assert door.service.streams == 5
        await until(lambda: door.counts() == GONE)
        await until(lambda: len(asyncio.all_tasks()) == tasks)


@BOTH
async def test_clients_that_vanish_while_they_are_looked_up(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that goes before its stream is open opens none, and that is no failure of the hub's."""
    broker = FaultyBroker()
    with capture_logs() as logs:
        async with open_door(broker=broker, heartbeat=0.1) as door:
            event_id = await broker.elsewhere("x")
            tasks = len(asyncio.all_tasks())
            broker.answering.clear()
            async with connection(door.url) as (_, writer):
                ahead = f"Last-Event-ID: {event_id.partition('-')[0]}-9"
                writer.write(request("GET", "/signals/stream", ahead))
                await until(lambda: broker.asked)
            await until(lambda: not door.connections())
            broker.answering.set()
            await until(lambda: len(asyncio.all_tasks()) == tasks)
            await until(lambda: door.counts() == GONE)
    assert [entry for entry in logs if entry["log_level"] in {"error", "warning"}] == []
    assert caplog.records == []
