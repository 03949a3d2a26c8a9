"""Scrapes of a hub behind a door, and streams whose bytes are counted."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.metrics.readings import Readings, read
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from tests.authenticated import House
    from tests.web.doors import Door
    from tests.web.rawhttp import Answer

OPENMETRICS = "Accept: application/openmetrics-text;version=1.0.0"
HOSTILE = 'canary"\\evil{x="y"} 1'


class Listener:
    """An open stream, and the bytes of its body."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.body = b""

    async def read(self, text: bytes) -> None:
        """Read up to what the stream has to get."""
        while text not in self.body:
            self.body += await self._reader.read(2**16)

    async def finish(self) -> None:
        """Read up to the end."""
        self.body += await self._reader.read()


@asynccontextmanager
async def listening(door: Door | House, query: str = "", *headers: str) -> AsyncIterator[Listener]:
    """Open a stream, and read its receipt."""
    async with connection(door.url) as (reader, writer):
        writer.write(request("GET", f"/signals/stream{query}", *headers, version="1.0"))
        assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
        listener = Listener(reader)
        await listener.read(b"event: signals.")
        yield listener


async def publish(door: Door, *headers: str, topic: str = "a", body: bytes = b"hello") -> Answer:
    """Publish the body as a message."""
    return await ask(door.url, request("POST", f"/signals/publish?topic={topic}", *headers, body=body))


async def scrape(door: Door | House, *headers: str) -> Readings:
    """Return all values."""
    answer = await ask(door.url, request("GET", "/signals/metrics", *headers))
    assert answer.status == 200, answer
    return read(answer.body)


def node_of(door: Door | House) -> Any:
    """Return the node behind a door."""
    return door.service.site.service.node
