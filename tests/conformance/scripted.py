"""A server that says what it is told to, whatever it is asked."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.conformance.runs import hub_at
from tests.connections import settled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.conformance.hub import Hub

LEAST = """
name = "scripted"
[subscribe]
path = "/sub/{topic}"
[publish]
path = "/pub/{topic}"
"""


@asynccontextmanager
async def scripted(
    *answers: bytes, then: str = "close", description: str = LEAST, patience: float = 5.0
) -> AsyncIterator[Hub]:
    """Run one; give it as a hub that is to be tried.

    Args:
        answers: What each connection is told, once something has come on it; the last is told again and again.
        then: What becomes of the connection: ``close``, ``wait`` or ``reset``.
        description: Of the hub.
        patience: Seconds that it is waited for.
    """
    left = list(answers)
    waiting: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        waiting.add(task)
        try:
            await reader.read(65536)
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
            if then == "wait":
                await reader.read()
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            waiting.discard(task)
            if then == "reset":
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    hub = hub_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", description, patience=patience)
    try:
        async with server:
            yield hub
            await settled()
    finally:
        await hub.close()
        for task in list(waiting):
            task.cancel()
        await asyncio.gather(*waiting)
