"""The proxy on a client's way to the hub, with what else happens there: other hubs, answers of its own, silence."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.e2e.inbox import DEADLINE
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

RECEIPT = re.compile(rb"event: signals\.open\n[^{]*(\{.*\})\n\n")
RETRY = re.compile(rb"^retry: [0-9]+$", re.MULTILINE)
BAD_GATEWAY = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 3\r\nConnection: close\r\n\r\n502"
)


class Road(Proxy):
    """A proxy that a test tells what becomes of requests for streams.

    Args:
        url: The hub's.
        tidy: Whether it talks HTTP/1.0 to the hub, and ends the response in good order when it loses the hub.
        retry: What the hub asks for by ``retry:``, in milliseconds, instead of what it does ask for; needs ``tidy``.

    Attributes:
        asked: When each stream was asked for, by a monotonic clock in seconds.
        receipts: What each stream said of itself.
    """

    def __init__(self, url: str, *, tidy: bool = False, retry: int | None = None) -> None:
        super().__init__(url)
        self._tidy = tidy
        self._retry = retry
        self._mute: set[asyncio.StreamWriter] = set()
        self._heard: dict[asyncio.StreamWriter, bytes] = {}
        self._seen = b""
        self._news = asyncio.Event()
        self.failing = 0
        self.asked: list[float] = []
        self.receipts: list[dict[str, Any]] = []

    @property
    def resumes(self) -> list[bool | None]:
        """What each stream was told about its resume: None when it asked for none."""
        return [receipt.get("recovered") for receipt in self.receipts]

    def passed(self, event_id: str) -> int:
        """How often an id has gone by."""
        return self._seen.count(event_id.encode())

    def fail(self, times: int) -> None:
        """Answer so many of the next requests with a 502, as a gateway does while its server is replaced."""
        self.failing = times

    def lead_to(self, url: str) -> None:
        """Lead who connects from now on to another hub."""
        self._target = urlsplit(url)

    def silence(self) -> None:
        """Let nothing more through on the streams there are, and close none."""
        self._mute.update(self._streams)

    async def until(self, met: Callable[[Road], object], seconds: float = DEADLINE) -> bool:
        """Wait for something that is seen here; returns whether it came."""
        try:
            async with asyncio.timeout(seconds):
                while not met(self):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def is_open(self, streams: int = 1) -> None:
        """Wait until so many streams have begun."""
        assert await self.until(lambda road: len(road.receipts) >= streams), "it never listened"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await super()._serve(reader, _Tidied(writer) if self._tidy else writer)  # type: ignore[arg-type]

    async def _forward_requests(
        self, reader: asyncio.StreamReader, to_upstream: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        await super()._forward_requests(_Requests(self, reader, writer), to_upstream, writer)  # type: ignore[arg-type]

    async def _forward_responses(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, to_upstream: asyncio.StreamWriter
    ) -> None:
        await super()._forward_responses(_Responses(self, upstream, writer), writer, to_upstream)  # type: ignore[arg-type]

    def request(self, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Take note of a request, and return what the hub gets of it."""
        if self._watched not in data or not data.startswith(b"GET "):
            return data
        self.asked.append(time.monotonic())
        self._news.set()
        if self.failing:
            self.failing -= 1
            writer.write(BAD_GATEWAY)
            return b""
        return data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1) if self._tidy else data

    async def response(self, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        """Take note of what a stream brings, and return what the client gets of it."""
        if writer in self._mute:
            await asyncio.Event().wait()
        self._seen += data
        self._news.set()
        if writer in self._streams and self._heard.get(writer) != b"":
            heard = self._heard[writer] = self._heard.get(writer, b"") + data
            if receipt := RECEIPT.search(heard):
                self._heard[writer] = b""
                self.receipts.append(json.loads(receipt[1]))
        return data if self._retry is None else RETRY.sub(b"retry: %d" % self._retry, data)


class _Requests:
    def __init__(self, road: Road, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._road, self._reader, self._writer = road, reader, writer

    async def read(self, size: int) -> bytes:
        data = await self._reader.read(size)
        return self._road.request(data, self._writer)


class _Responses:
    def __init__(self, road: Road, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._road, self._reader, self._writer = road, reader, writer

    async def read(self, size: int) -> bytes:
        data = await self._reader.read(size)
        return await self._road.response(data, self._writer) if data else data


class _Tidied:
    """Makes HTTP/1.1 with chunks of a response of HTTP/1.0, which ends with its connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._head = b""
        self._body = False

    def write(self, data: bytes) -> None:
        if not self._body:
            self._head += data
            if not self._head.startswith(b"HTTP/1.0 "):  # the answer to another request of this connection
                self._writer.write(self._head)
                self._head = b""
                return
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            lines = [line for line in head.split(b"\r\n")[1:] if not line.lower().startswith(b"connection:")]
            status = b"HTTP/1.1 " + head.split(b" ", 1)[1].split(b"\r\n")[0]
            self._writer.write(b"\r\n".join([status, *lines, b"Transfer-Encoding: chunked", b"", b""]))
            self._body = True
        if data:
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        if self._body and not self._writer.is_closing():
            self._writer.write(b"0\r\n\r\n")
        self._writer.close()
