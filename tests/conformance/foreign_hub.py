"""A small hub of another kind than the stand-in, and as right: one count for all topics, CRLF, comments, no receipt."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DESCRIPTION = """
name = "foreign"
not_offered = ["cors"]

[subscribe]
path = "/sub?channel={topic}"
more = "&channel={topic}"
resume_query = "since"

[publish]
method = "PUT"
path = "/pub"
content = "json"
body = '{"channel": {topic}, "payload": {message}}'
accepted = [201]
id = "/id"

[events]
message = "/payload"
topic = "/channel"
gap = "lost"
silence = 0.2
"""
BEAT = 0.1  # seconds
CLOCK = 1764400000  # what times in ids are


@dataclass
class Request:
    """One request."""

    method: str
    path: str
    version: str
    headers: dict[str, str]
    body: bytes

    @property
    def keeps(self) -> bool:
        """Whether another may follow."""
        return self.version == "HTTP/1.1" and self.headers.get("connection") != "close"


@dataclass
class ForeignHub:
    """The hub.

    Attributes:
        form: What an id looks like, with ``{}`` for the count.
        mark: Whether streams begin with a byte order mark.
        mute: Whether it says nothing of what is missing.
    """

    form: str = "{}"
    mark: bool = False
    mute: bool = False
    log: list[tuple[str, Any]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            try:
                kept = True
                while kept:
                    request = await self.read(reader)
                    kept = await self.answer(request, writer) and request.keeps
            except asyncio.LimitOverrunError:
                self.tell(writer, 431, b"It is too much.")
        writer.close()

    async def read(self, reader: asyncio.StreamReader) -> Request:
        """Return the next request."""
        start, *lines = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace").split("\r\n")
        method, path, version = start.split(" ", 2)
        headers = {name.lower(): value.strip(" ") for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, path, version, headers, body)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Answer; say whether the connection may go on."""
        stream = request.path.startswith("/sub?")
        if request.method not in ({"GET", "HEAD"} if stream else {"PUT"}):
            self.tell(writer, 405, b"It is not for that.", f"Allow: {'GET, HEAD' if stream else 'PUT'}\r\n")
            return True
        if stream:
            await self.stream(request, writer)
            return request.method == "HEAD"
        try:
            given = json.loads(request.body)
            self.log.append((given["channel"], given["payload"]))
        except (ValueError, KeyError, TypeError) as error:
            self.tell(writer, 400, repr(error).encode())
            return True
        self.tell(writer, 201, json.dumps({"id": self.form.format(len(self.log))}).encode())
        async with self.changed:
            self.changed.notify_all()
        return True

    def tell(self, writer: asyncio.StreamWriter, status: int, body: bytes, headers: str = "") -> None:
        """Write a short answer."""
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    async def stream(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Write a stream, until its client goes."""
        chunked = request.version == "HTTP/1.1"
        kind = "Transfer-Encoding: chunked" if chunked else "Connection: close"
        lines = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Cache-Control: no-store", kind, "", ""]
        writer.write("\r\n".join(lines).encode())
        if request.method == "HEAD":
            return
        query = parse_qs(urlsplit(request.path).query)
        after = request.headers.get("last-event-id") or query.get("since", [""])[0]
        place = self.place(after) if after else len(self.log)
        lost = "" if place is not None or self.mute else "event: lost\r\ndata: {}\r\n\r\n"
        place = len(self.log) if place is None else place
        mark = "\ufeff" if self.mark else ""
        start = f"{mark}: hello\r\n\r\n{lost}id: {self.form.format(place)}\r\n\r\n"
        self.write(writer, start, chunked=chunked)
        due = 0.0
        while True:
            for number, (channel, payload) in enumerate(self.log[place:], place + 1):
                if channel in query["channel"]:
                    self.write(writer, self.event(number, channel, payload), chunked=chunked)
                    due = time.monotonic() + BEAT
            place = len(self.log)
            if time.monotonic() >= due:
                self.write(writer, ": still here\r\n\r\n", chunked=chunked)
                due = time.monotonic() + BEAT
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(due - time.monotonic()), self.changed:
                    while len(self.log) == place:
                        await self.changed.wait()

    def place(self, after: str) -> int | None:
        """Return the place that an id stands for; None where it stands for none."""
        before, _, behind = self.form.partition("{}")
        count = after.removeprefix(before).removesuffix(behind)
        if ":" in self.form and (when := after.partition(":")[0]).isdecimal() and int(when) < CLOCK:
            return 0
        known = after == self.form.format(count) and count.isdecimal() and len(count) < 9
        return int(count) if known and int(count) <= len(self.log) else None

    def event(self, number: int, channel: str, payload: Any) -> str:
        """Return an event, whose data has several lines."""
        text = json.dumps({"channel": channel, "payload": payload}, indent=1)
        lines = [f"id: {self.form.format(number)}", *(f"data: {line}" for line in text.split("\n")), "", ""]
        return "\r\n".join(lines)

    def write(self, writer: asyncio.StreamWriter, text: str, *, chunked: bool) -> None:
        """Write a part of a stream."""
        data = text.encode()
        writer.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)


@asynccontextmanager
async def foreign_hub(form: str = "{}", *, mark: bool = False, mute: bool = False) -> AsyncIterator[str]:
    """Run one; give its URL."""
    hub = ForeignHub(form, mark, mute)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(task := asyncio.ensure_future(hub.handle(reader, writer)))
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=65_536 + 4096, backlog=256)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
