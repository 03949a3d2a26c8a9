"""Servers that say what a test wants, byte by byte, or frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived
from h2.settings import SettingCodes, Settings

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.exchange import Ask
from sse_signals.doctor.line import Line
from sse_signals.doctor.target import Target
from tests.connections import settled

if TYPE_CHECKING:
    from sse_signals.doctor.facts import Answer
    from tests.doctor.fronts import Certificate

GET = Ask("GET", "/signals/stream")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def server(talk: Talk, proof: Certificate | None = None) -> AsyncIterator[Target]:
    """Listen, talk with whoever comes, and give where; with a certificate over TLS that offers HTTP/2."""
    context = None
    if proof is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(proof.certificate, proof.key)
        context.set_alpn_protocols(["h2"])
    tasks = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def serve() -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)

        task = asyncio.create_task(serve())
        task.add_done_callback(lambda _: writer.close())  # also of one that was cancelled before it began
        tasks.add(task)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        port = listening.sockets[0].getsockname()[1]
        yield Target("http" if proof is None else "https", "127.0.0.1", port, "/signals")
    finally:
        await settled()
        listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # until transports are closed


def says(*parts: bytes, after: bytes = b"\r\n\r\n") -> Talk:
    """Return what reads a request, answers with bytes, and closes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(after)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return talk


Frames = Callable[[H2Connection, int], None]


def frames(answer: Frames, settings: dict[SettingCodes, int] | None = None) -> Talk:
    """Return what speaks HTTP/2, and answers each request as told; nothing is acknowledged before its end."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.local_settings = Settings(client=False, initial_values=settings or {})
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived) and event.stream_id is not None:
                    answer(connection, event.stream_id)
                elif isinstance(event, DataReceived) and event.stream_id is not None:
                    connection.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
            writer.write(connection.data_to_send())

    return talk


async def asked(
    talk: Talk, proof: Certificate | None = None, *alpn: str, ask: Ask = GET, seconds: float = 5.0
) -> Answer:
    """Return the answer to a request."""
    async with server(talk, proof, *alpn) as target:
        line = Line(target, verify=False)
        try:
            return await Asker(line, time.monotonic, seconds).try_to(ask)
        finally:
            await line.close()


def reset_now(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
