from __future__ import annotations

import asyncio
import json
import re
import resource
import signal
import socket
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from tests.e2e.clients import CURL
from tests.e2e.inbox import DEADLINE
from tests.e2e.scenario import Publisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import aiohttp

STREAMS = 1000
COMMAND = str(Path(sys.executable).with_name("sse-signals"))
GOODBYE = re.compile(rb'retry: ([0-9]+)\nevent: signals.goodbye\ndata: {"reason":"shutdown"}\n\n')
LAST_CHUNK = b"\r\n0\r\n\r\n"


@pytest.fixture(autouse=True)
def open_files() -> Iterator[None]:
    """Room for the test's own ends of all connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = STREAMS + 256
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """Run the command as a process of its own; yields the URL that it says it listens on."""
    process = await asyncio.create_subprocess_exec(*(COMMAND, "serve", "--port", "0"), stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    log = process.stderr

    async def url() -> str:
        async for line in log:
            if (entry := json.loads(line))["event"] == "listening":
                return str(entry["url"])
        raise AssertionError("it ended before it listened")

    async def read_on() -> None:
        async for _ in log:
            pass

    try:
        async with asyncio.timeout(DEADLINE):
            listening = await url()
        reading = asyncio.create_task(read_on())  # or it would wait for room in the pipe
        yield listening, process
        await reading
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def curl(url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader]]:
    """Run ``curl -N`` on a stream that has begun; yields it and what it prints after the receipt."""
    process = await asyncio.create_subprocess_exec(*CURL, f"{url}/stream", stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert b"event: signals.open" in await process.stdout.readuntil(b"\n\n")
        yield process, process.stdout
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listen(url: str, sock: socket.socket | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a stream; returns when it has begun."""
    parts = urlsplit(url)
    if sock is None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    else:
        await asyncio.get_running_loop().sock_connect(sock, (parts.hostname, parts.port))
        reader, writer = await asyncio.open_connection(sock=sock)
    writer.write(f"GET {parts.path}/stream HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
    await reader.readuntil(b"event: signals.open\n")
    return reader, writer


async def test_thousand_streams(http: aiohttp.ClientSession) -> None:
    """At SIGTERM every stream gets what was published, a goodbye with a time of its own to come back, and its end.

    The process soon exits 0, and so does a curl that listens.
    """
    async with asyncio.timeout(2 * DEADLINE), serving() as (url, process), curl(url) as (listener, output):
        streams = [await listen(url) for _ in range(STREAMS)]
        event = await Publisher(http, url).one({"message": "the last one"})
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):  # ten are enough for it where the machine has nothing else to do
            assert await process.wait() == 0
        delays = set()
        for reader, writer in streams:
            body = await reader.read()
            writer.close()
            goodbye = GOODBYE.search(body)
            assert f"id: {event.id}\n".encode() in body
            assert goodbye is not None
            assert body[goodbye.end() :] == LAST_CHUNK
            delays.add(int(goodbye[1]))
        assert min(delays) >= 1000
        assert max(delays) <= 6000
        assert len(delays) > STREAMS / 4
        assert GOODBYE.search(await output.read()) is not None
        assert await listener.wait() == 0


async def test_reader_that_never_reads(http: aiohttp.ClientSession) -> None:
    """A client that takes nothing keeps neither the process from ending in time nor others from their goodbye."""
    async with asyncio.timeout(2 * DEADLINE), serving() as (url, process), curl(url) as (listener, output):
        with socket.socket() as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            _, stuck = await listen(url, sock)
            publisher = Publisher(http, url)
            for _ in range(32):
                event = await publisher.one({"message": "x" * 60_000})
                await output.readuntil(f"id: {event.id}\n".encode())
                await output.readuntil(b"\n\n")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):  # ten are enough for it where the machine has nothing else to do
                assert await process.wait() == 0
            stuck.transport.abort()
        assert GOODBYE.search(await output.read()) is not None
        assert await listener.wait() == 0
