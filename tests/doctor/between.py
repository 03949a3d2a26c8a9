"""A proxy that does what real ones are not easily made to do, a byte at a time."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from tests.connections import settled

if TYPE_CHECKING:
    from types import TracebackType

_RECEIPT: Final = re.compile(rb"event: signals\.open\n.*?\n\n", re.DOTALL)
_DATE: Final = re.compile(rb"\r\nDate: [^\r]*")


@dataclass(frozen=True)
class Fault:
    """What is wrong.

    Attributes:
        lump: Seconds for which all that follows a receipt is held; None to hold nothing.
        ends: Seconds after which a stream is cut; None for never.
        speaking: Whether it is cut only when it has just said something.
        cuts: How many streams are cut.
        reset: Whether with a reset, and not just closed.
        keeps: Whether the first whole answer to a poll is given to all.
        most: How many connections there may be; others wait.
        date: What ``Date`` says instead.
        loses: The names of fields that lose their meaning; six bytes, since chunks have lengths.
    """

    lump: float | None = None
    ends: float | None = None
    speaking: bool = False
    cuts: int = 1000
    reset: bool = False
    keeps: bool = False
    most: int = 1000
    date: str | None = None
    loses: re.Pattern[bytes] | None = None


class Between:
    """Stands between a client and a hub, or two: one for streams and what is published, and one for polls.

    Args:
        fault: What is wrong.
        hubs: Host and port of each.
    """

    def __init__(self, fault: Fault, *hubs: str) -> None:
        self._fault = fault
        self._hubs = [(hub.partition(":")[0], int(hub.partition(":")[2])) for hub in hubs]
        self._open = self._cut = 0
        self._kept = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await settled()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def origin(self) -> str:
        """Where it is."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if self._open > self._fault.most:
            await reader.read()  # until the client gives up
            return
        polled = b"poll=1" in request and b"x-ndjson" not in request
        if polled and self._kept:
            writer.write(self._kept)
            return
        upstream, to_upstream = await asyncio.open_connection(*self._hubs[-1 if b"poll=1" in request else 0])
        to_upstream.write(request)
        asking = asyncio.create_task(_copy(reader, to_upstream))
        try:
            if b"/stream?" in request and b"poll=1" not in request:
                await self._stream(upstream, writer)
            else:
                whole = await self._answer_whole(upstream, writer)
                if polled and self._fault.keeps:
                    self._kept = whole
        finally:
            asking.cancel()
            to_upstream.close()

    async def _answer_whole(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        whole = b""
        while not whole.endswith(b"\r\n0\r\n\r\n") and (data := await upstream.read(65536)):
            if self._fault.date is not None:
                data = _DATE.sub(f"\r\nDate: {self._fault.date}".encode(), data)
            whole += data
            writer.write(data)
        return whole

    async def _stream(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self._fault
        last = fault.ends is not None and self._cut < fault.cuts
        self._cut += last
        with suppress(TimeoutError):
            async with asyncio.timeout(fault.ends if last and not fault.speaking else None):
                await self._pass_on(upstream, writer)
        if last and fault.reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _pass_on(self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault, whole, begun = self._fault, b"", False
        until = asyncio.get_running_loop().time() + (fault.ends or 0.0)
        while data := await upstream.read(65536):
            whole += data
            if fault.loses is not None:
                data = fault.loses.sub(b"lost: ", data)
            if fault.lump is not None and begun:
                await asyncio.sleep(fault.lump)
            begun = begun or _RECEIPT.search(whole) is not None
            writer.write(data)
            await writer.drain()
            if fault.speaking and asyncio.get_running_loop().time() > until:
                return


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
