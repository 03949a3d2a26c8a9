"""HTTP as bytes: requests that no client library would send, and answers as they stand on the wire."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

DEADLINE = 60.0
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """A response, its body without HTTP chunks."""

    version: str
    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def problem(self) -> dict[str, Any]:
        """The body as a problem document, after checking that it is a whole one."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        document: dict[str, Any] = self.json
        assert document["status"] == self.status
        assert all(document[member] for member in ("type", "title", "detail", "hint")), document
        return document

    @property
    def kind(self) -> str:
        """The last part of the problem's type."""
        return str(self.problem["type"]).removeprefix("urn:sse-signals:problem:")


watchers: list[Callable[[bytes, Answer], None]] = []
"""Called with each request that `ask` sends, and its answer."""


def request(
    method: str, target: str, *headers: str, body: bytes = b"", host: str | None = "localhost", version: str = "1.1"
) -> bytes:
    """Return a request; its connection is closed after it, and its length is right unless a header speaks of it."""
    lines = [f"{method} {target} HTTP/{version}", *headers]
    if host is not None:
        lines.append(f"Host: {host}")
    names = {line.partition(":")[0].lower() for line in headers}
    if not names & {"connection"}:
        lines.append("Connection: close")
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


@asynccontextmanager
async def connection(
    url: str, *, limit: int = 2**20
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a hub."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=limit)
    try:
        async with asyncio.timeout(DEADLINE):
            yield reader, writer
    finally:
        writer.transport.abort()


async def exchange(url: str, data: bytes) -> bytes:
    """Send bytes, and return all that comes until the hub closes."""
    async with connection(url) as (reader, writer):
        writer.write(data)
        return await reader.read()


async def ask(url: str, data: bytes) -> Answer:
    """Send one request, and return its one answer; the hub must close the connection then."""
    answer, rest = parse(await exchange(url, data))
    assert not rest, rest
    for watch in watchers:
        watch(data, answer)
    return answer


def parse(data: bytes) -> tuple[Answer, bytes]:
    """Take the first response off what a hub sent."""
    head, _, rest = data.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    version, status, _ = status_line.split(" ", 2)
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines:
        name, _, value = line.partition(": ")
        headers.add(name, value)
    if headers.get("Transfer-Encoding") == "chunked":
        body, rest = _unchunk(rest)
    elif "Content-Length" in headers:
        size = int(headers["Content-Length"])
        body, rest = rest[:size], rest[size:]
        assert len(body) == size or not body  # HEAD has none
    else:
        body, rest = rest, b""
    return Answer(version, int(status), headers, body), rest


def _unchunk(data: bytes) -> tuple[bytes, bytes]:
    """Return a whole chunked body, and what follows; a body without its end is an error."""
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        count = int(size, 16)
        assert data[count : count + 2] == b"\r\n", "truncated"
        body += data[:count]
        data = data[count + 2 :]
        if not count:
            return body, data


def events(body: bytes) -> list[dict[str, str]]:
    """Read a body whose lines end with LF as an event stream: one dictionary of fields a block."""
    assert not body or body.endswith(b"\n\n")
    blocks = body.decode().split("\n\n")[:-1]
    return [dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":")) for block in blocks]


def messages(body: bytes) -> list[Any]:
    """Return the messages of a body's events, without the hub's own."""
    return [
        json.loads(event["data"])["message"]
        for event in events(body)
        if not event.get("event", "").startswith("signals.")
    ]
