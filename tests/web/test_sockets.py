"""What a stream's connection may hold and how long it may be silent, and the headers that every answer has."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, cast

import pytest

from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import Answer, ask, connection, parse, request

if TYPE_CHECKING:
    import asyncio

    from sse_signals.server import Running

BOTH = pytest.mark.parametrize("open_door", [own, foreign])


@BOTH
@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
async def test_what_a_connection_may_hold(open_door: OpenDoor, accept: str) -> None:
    """The kernel buffers little, ends clients that are gone a while after the sweep, and writers wait for the end."""
    async with open_door(send_timeout=7) as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=a", f"Accept: {accept}"))
        await reader.readuntil(b"signals.open")
        (stream,) = door.service.site.service.node.hub.streams
        sock = stream.transport.get_extra_info("socket")
        assert 0 < sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 64 * 1024
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == (7 + 15) * 1000
        low, high = cast("asyncio.WriteTransport", stream.transport).get_write_buffer_limits()
        assert low == 0
        assert high <= 1024


def check(answer: Answer, status: int) -> None:
    """Check the headers that keep an answer from being taken for another's, or for something else."""
    assert answer.status == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"].split(", ")
    assert {"Origin", "Authorization", "Cookie"} <= set(answer.headers["Vary"].split(", "))
    (server,) = answer.headers.getall("Server")
    assert server.replace("-", "").isalpha()  # no version of anything


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("GET", "/signals/stream?poll=1"), 200),
        (request("GET", "/signals/stream?poll=1", "Accept: application/x-ndjson"), 200),
        (request("GET", "/signals/stream?poll=1", version="1.0"), 200),
        (request("GET", "/signals/stream?since=never"), 400),
        (request("POST", "/signals/publish?topic=a", body=b"x"), 202),
        (request("POST", "/signals/publish"), 415),
        (request("GET", "/signals/health/live"), 200),
        (request("GET", "/signals/health/ready"), 200),
        (request("GET", "/signals/nothing"), 404),
        (request("GET", "/elsewhere"), 404),
        (request("OPTIONS", "*"), 404),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_headers(hub: Running, data: bytes, status: int) -> None:
    """Every answer of our own server has the headers that keep it from being cached, guessed at or told apart."""
    check(await ask(hub.url, data), status)


async def test_headers_of_an_open_stream(hub: Running) -> None:
    """A stream has them from its start, not only when it ends."""
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=a", version="1.0"))
        check(parse(await reader.readuntil(b"\r\n\r\n"))[0], 200)
