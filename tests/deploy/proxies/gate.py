"""The network between proxies and one hub: it can be cut, closed, and lose answers."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_NOT_READY: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gate:
    """Passes connections on to a hub.

    Attributes:
        port: Where it listens.
        requests: The request lines that came, of all proxies.
        ready: Whether questions for health reach the hub; otherwise they are answered with a 503.
        loses: Says of the first line of a request whether it is taken, and its connection closed without an answer.
    """

    def __init__(self) -> None:
        self.port = 0
        self.hub = 0
        self.requests: list[str] = []
        self.ready = True
        self.loses: Callable[[str], bool] = _nothing
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen, again at the same port."""
        listening = socket.create_server(("127.0.0.1", self.port), backlog=1024)
        self.port = listening.getsockname()[1]
        self._server = await asyncio.start_server(self._accept, sock=listening, limit=2**20)

    async def close(self) -> None:
        """Refuse connections, and cut those that there are."""
        if self._server is not None:
            self._server.close()
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def restore(self) -> None:
        """Let everything pass again."""
        self.ready, self.loses = True, _nothing
        if self._server is None or not self._server.is_serving():
            await self.open()

    def cut(self) -> None:
        """Cut all connections; new ones are let in."""
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        back: asyncio.Task[None] | None = None
        to_hub: asyncio.StreamWriter | None = None
        try:
            with suppress(OSError):
                from_hub, to_hub = await asyncio.open_connection("127.0.0.1", self.hub)
                self._writers.add(to_hub)
                back = asyncio.create_task(_copy(from_hub, writer))
                while (data := await reader.read(2**16)) and not self._lost(data):
                    if not self.ready and data.startswith(b"GET /signals/health/ready "):
                        writer.write(_NOT_READY)
                        break
                    to_hub.write(data)
                    await to_hub.drain()
        finally:
            if back is not None:
                back.cancel()
            for end in (writer, to_hub):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    def _lost(self, data: bytes) -> bool:
        """Note the request that begins here, if one does, and say whether it is lost: small ones come in one piece."""
        line = data.partition(b"\r\n")[0].decode("latin-1")
        if " HTTP/1." not in line:
            return False
        self.requests.append(line)
        return self.loses(line)


def _nothing(_line: str) -> bool:
    return False


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(2**16):
            writer.write(data)
            await writer.drain()
    writer.close()
