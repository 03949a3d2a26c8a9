"""A server that answers as a test wants it to: like a hub in a bad moment, like a proxy, like something else."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from tests.connections import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_RST: Final = struct.pack("ii", 1, 0)
DEADLINE: Final = 30.0
Then = Literal["keep", "close", "hold", "reset"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the value of a header."""
        found = re.search(rf"^{name}: (.*?)\r$", self.head, re.MULTILINE | re.IGNORECASE)
        return None if found is None else found[1]


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: bytes, and what becomes of the connection then (hold: nothing more ever comes)."""

    data: bytes = b""
    then: Then = "keep"


def reply(
    status: int, body: bytes = b"", content_type: str = "application/json", then: Then = "keep", **more: str
) -> Reply:
    """Return an answer of HTTP/1.1; underscores in names of headers stand for hyphens."""
    headers = {"Content-Type": content_type, "Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return Reply(f"HTTP/1.1 {status} Some Status\r\n{lines}\r\n".encode() + body, then)


def stream(*blocks: bytes, then: Then = "hold") -> Reply:
    """Return an event stream that lasts until the connection is closed."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return Reply(head + b"".join(blocks), then)


@dataclass
class Scripted:
    """A server, and what it was asked.

    Attributes:
        replies: One for each request in turn, the last for ever; or a function of the request.
        url: Where it is.
        asked: What came.
        connections: How many were made.
    """

    replies: list[Reply] | Callable[[Asked], Reply]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection; a task of asyncio's own would complain when it is cancelled."""
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # also of one that was cancelled before it began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._answer(reader, writer):
                pass

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        asked = Asked(head.decode(), await reader.readexactly(int(length[1])) if length else b"")
        self.asked.append(asked)
        if callable(self.replies):
            answer = self.replies(asked)
        else:
            answer = self.replies[min(len(self.asked), len(self.replies)) - 1]
        writer.write(answer.data)
        await writer.drain()
        if answer.then == "hold":
            await reader.read()  # until the client closes it
        if answer.then == "reset":
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            writer.transport.abort()
        return answer.then == "keep"

    async def end(self) -> None:
        """End all connections, those included that were made just now."""
        for _ in range(3):  # turns of the loop, in which the last of them get their tasks
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)


@asynccontextmanager
async def scripted(*replies: Reply, by: Callable[[Asked], Reply] | None = None) -> AsyncIterator[Scripted]:
    """Serve until the context ends; what takes longer than the deadline has failed."""
    server = Scripted(by or list(replies))
    listener = await asyncio.start_server(server.accept, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    async with asyncio.timeout(DEADLINE):
        try:
            yield server
        finally:
            await settled()
            listener.close()
            await server.end()
