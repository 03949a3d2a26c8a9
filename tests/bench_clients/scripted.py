"""A server that answers publish requests as a test wants it to."""

from __future__ import annotations

import asyncio
import contextlib
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sse_signals.bench.target import Target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n{"id":"1"}'
DEADLINE = 20.0


class Scripted:
    """What came, and where it listens.

    Attributes:
        target: Where it listens.
        heads: What was asked for, in this order.
        bodies: What was published with it.
        stop: Makes it listen no more.
        connections: How many were opened.
    """

    def __init__(self, answer: Callable[[Scripted, int], Awaitable[bytes | None]]) -> None:
        self._answer = answer
        self.target = Target.hub("http://127.0.0.1:1", "a")
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.stop: Callable[[], object] = lambda: None
        self.connections = 0
        self._open: list[tuple[asyncio.Task[object] | None, asyncio.StreamWriter]] = []

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection; None as an answer, or one that says so, closes it."""
        self.connections += 1
        self._open.append((asyncio.current_task(), writer))
        ends = (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.closing(writer), contextlib.suppress(*ends):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                length = re.search(rb"Content-Length: (\d+)", head)
                self.bodies.append(await reader.readexactly(int(length[1])) if length else b"")
                answer = await self._answer(self, len(self.bodies) - 1)
                writer.write(answer or b"")
                if answer is None or b"Connection: close" in answer or not answer.startswith(b"HTTP/1.1"):
                    break

    async def end(self) -> None:
        """End all connections, answered or not."""
        for task, writer in self._open:
            if task is not None:
                task.cancel()
                await task
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


@asynccontextmanager
async def scripted(answer: Callable[[Scripted, int], Awaitable[bytes | None]]) -> AsyncIterator[Scripted]:
    """Serve until the context ends.

    Args:
        answer: Is given the server and the number of a request; its result is the answer.
    """
    script = Scripted(answer)
    server = await asyncio.start_server(script.handle, "127.0.0.1", 0)
    script.target = Target.hub(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "a")
    script.stop = server.close
    async with asyncio.timeout(DEADLINE), server:
        try:
            yield script
        finally:
            server.close()
            await script.end()


async def until(met: Callable[[], object]) -> None:
    """Wait for something that happens in another thread."""
    while not met():  # noqa: ASYNC110 - nobody can set an event there
        await asyncio.sleep(0)


async def accept(_: Scripted, _number: int) -> bytes:
    """Accept what comes."""
    return ACCEPTED
