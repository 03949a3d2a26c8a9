"""Requests that are on their way when a hub ends: a proxy that keeps connections shall get an answer to each."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from unittest import mock

import pytest
import structlog

from sse_signals.server import running
from sse_signals.settings import load
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from sse_signals.server import Running

STREAM = request("GET", "/signals/stream", "Connection: keep-alive")
POLL = request("GET", "/signals/stream?poll=1", "Connection: keep-alive")
ASK = b"GET /signals/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Ask, and return the head of the answer."""
    writer.write(ASK)
    return (await reader.readuntil(b"\r\n\r\n")).decode().lower()


async def test_nobody_is_cut_off_who_has_just_connected() -> None:
    """While it drains each answer ends its connection; who connected last is answered after it stopped listening."""
    async with AsyncExitStack() as stack:
        stack.enter_context(mock.patch("sse_signals.server.LEAVING", 30.0))  # it ends with the last connection
        door = running(load({}, {"port": 0, "drain_delay": 0.3}), structlog.get_logger())
        hub = await door.__aenter__()
        where = ("127.0.0.1", int(hub.url.split(":")[2].partition("/")[0]))
        kept, late = [await asyncio.open_connection(*where) for _ in range(2)]
        for _, writer in (kept, late):
            stack.callback(writer.close)
        assert "connection: close" not in await answered(*kept)
        end = asyncio.create_task(door.__aexit__(None, None, None))
        await hub.drains()
        assert "connection: close" in await answered(*kept)
        async with asyncio.timeout(30):
            while hub.listeners[0].is_serving():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.01)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*where)
        assert " 200 ok" in await answered(*late)
        await end


async def test_who_asks_nothing_is_not_waited_for() -> None:
    """A connection on which nothing comes is closed at the end."""
    async with AsyncExitStack() as stack:
        async with running(load({}, {"port": 0, "drain_window": 0.1}), structlog.get_logger()) as hub:
            port = int(hub.url.split(":")[2].partition("/")[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            assert " 200 ok" in await answered(reader, writer)
        async with asyncio.timeout(30):
            await reader.read()


async def test_a_stream_takes_its_connection_along(hub: Running) -> None:
    """A stream says that its connection ends with it, and so does a goodbye at the door: no proxy may use it again."""
    async with connection(hub.url) as live, connection(hub.url) as late:
        for reader, writer in (live, late):
            if (reader, writer) == late:
                hub.service.site.departure.close()
            writer.write(STREAM)
            assert b"connection: close" in (await reader.readuntil(b"\r\n\r\n")).lower()
        assert (await late[0].read()).endswith(b"\r\n0\r\n\r\n")


async def test_a_connection_that_was_to_stay_does(hub: Running) -> None:
    """Who was told that the connection stays can ask once more, and is told then: it may be on its way already."""
    for _ in range(50):  # more than fits into buffers, so that the answer is long on its way
        assert (await ask(hub.url, request("POST", "/signals/publish?topic=t", body=b"x" * 60_000))).status == 202
    async with connection(hub.url, limit=2**10) as (reader, writer):
        writer.write(POLL)
        assert b"connection: keep-alive" in (await reader.readuntil(b"\r\n\r\n")).lower()
        hub.leaving.set()
        read = b""
        while not read.endswith(b"\r\n0\r\n\r\n"):
            read = read[-10:] + await reader.read(2**16)
            assert not reader.at_eof()
        assert "connection: close" in await answered(reader, writer)


async def test_a_poll_takes_its_connection_along_while_a_hub_drains(hub: Running) -> None:
    """As every other answer then: nobody may send a publish over it that the hub would never read."""
    site = hub.service.site
    done = site.departure.begin(site, "order", delay=30.0)
    async with connection(hub.url) as (reader, writer):
        writer.write(POLL)
        assert b"connection: close" in (await reader.readuntil(b"\r\n\r\n")).lower()
        assert (await reader.read()).endswith(b"\r\n0\r\n\r\n")
    site.departure.hurry()
    await done
