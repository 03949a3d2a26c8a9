"""Streams that end at an awkward moment: half opened, woken twice, or in the middle of being caught up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from sse_signals import EventBroker, Limits, SignalsService
from tests.web.doors import foreign, own, until
from tests.web.rawhttp import ask, connection, request

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset, dropping what is unsent


async def test_a_client_that_leaves_as_its_response_begins() -> None:
    """The head cannot be sent any more: nothing else is tried on that connection, and the next client is served."""
    left = []

    async def leave(request: web.Request, _response: web.StreamResponse) -> None:
        if request.query_string == "topic=leaves":
            assert request.transport is not None
            request.transport.abort()
            left.append(request)

    app = web.Application()
    service = SignalsService.create(app, event_broker=EventBroker.from_url("memory://"))
    app.on_response_prepare.append(leave)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"{site.name}/signals"
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(30), connection(url) as (reader, writer):
                writer.write(request("GET", "/signals/stream?topic=leaves"))
                assert await reader.read() == b""
        assert left
        assert service.streams == 0
        assert (await ask(url, request("GET", "/signals/stream?poll=1"))).status == 200
    finally:
        await runner.cleanup()


class Broken:
    """A logger that fails."""

    def info(self, event: str, **_: object) -> None:
        raise ZeroDivisionError(event)

    error = warning = info


@pytest.mark.parametrize("streams", [0, 1])
async def test_a_response_that_has_begun_gets_no_second_head(streams: int) -> None:
    """What fails after the head was made ends the connection, and writes nothing into the body."""
    limits = Limits(streams=streams)
    async with foreign(limits=limits, logger=Broken()) as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream"))
        received = await reader.read()
        assert received.startswith(b"HTTP/1.1 200 OK")
        assert received.count(b"HTTP/1.1") == 1
        assert received.endswith(b"\r\n\r\n")


async def test_a_stream_that_is_woken_twice_in_one_turn() -> None:
    """It falls behind and is told to look again before its handler ran: it goes on as if it had happened once."""
    async with own() as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream", version="1.0"))
        await reader.readuntil(b"\n\n")
        hub = door.service.site.service.node.hub
        (stream,) = hub.streams
        await until(lambda: stream.live)
        hub.fall_behind(stream)
        stream.wait()
        await until(lambda: stream.live)
        await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x"))
        assert b'"message":"x"' in await reader.readuntil(b"}\n\n")
        assert stream.times_behind == 1


async def test_a_client_that_resets_while_it_is_waited_for() -> None:
    """A reader that stalled and then breaks the connection, where nobody cancels its handler, leaves nothing."""
    async with foreign(heartbeat=60) as door:
        parts = urlsplit(door.url)
        with socket.socket() as client:
            client.setblocking(False)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, (parts.hostname, parts.port))
            await loop.sock_sendall(client, request("GET", "/signals/stream", version="1.0"))
            await until(lambda: door.service.streams)
            (stream,) = door.service.site.service.node.hub.streams
            while not stream.times_behind:
                await ask(door.url, request("POST", "/signals/publish?topic=a", body=b"x" * 60_000))
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        await until(lambda: not door.service.streams)
        assert stream.ended == "client-gone"
