"""A TCP proxy that is the network between two sides, with what can be wrong with one."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from tests.faults.line import CLEAR, Line, UnderWay

if TYPE_CHECKING:
    from types import TracebackType

_PIECE: Final = 65536  # bytes that are read at once
_RST: Final = struct.pack("ii", 1, 0)  # SO_LINGER with no time: close by a reset
_FROZEN: Final = replace(CLEAR, frozen=True)


class FaultProxy:
    """Stands before a server, on a port of its own that stays its own while nobody may connect.

    Faults hold for the connections there are and for new ones, until the next call.

    Args:
        host: The server's.
        port: The server's; may be set anew when it moves.

    Attributes:
        port: Where to connect.
        connections: How many were accepted.
        mark: The bytes to a client after which its connection ends, once; None when that has happened.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.upstream = CLEAR
        self.downstream = CLEAR
        self.port = 0
        self.connections = 0
        self.mark: bytes | None = None
        self._changed = asyncio.Event()
        self._listener: socket.socket | None = None
        self._reserved = _bound(0)
        self._links: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.port = self._reserved.getsockname()[1]
        self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        await asyncio.sleep(0)  # so that each task has begun, and closes what it was given
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._reserved.close()

    async def shape(self, *, upstream: Line = CLEAR, downstream: Line = CLEAR) -> None:
        """Let the two directions be like this from now on: to the server, and back. Whoever was refused may connect."""
        self.upstream, self.downstream = upstream, downstream
        for link in self._links:
            link.look()
        self._tell()
        if self._listener is None:
            self._listen()

    async def half_open(self) -> None:
        """Accept, and neither read, forward nor close anything: what is under way freezes too."""
        await self.shape(upstream=_FROZEN, downstream=_FROZEN)

    async def restore(self) -> None:
        """Be a good network again; what froze goes on where it was."""
        await self.shape()

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            asyncio.get_running_loop().remove_reader(listener)
            listener.close()
        for link in list(self._links):
            link.close()

    def drop(self) -> None:
        """Close all connections; new ones pass."""
        for link in list(self._links):
            link.close()

    def reset(self) -> None:
        """End all connections with a reset (RST); new ones pass."""
        for link in list(self._links):
            link.close(reset=True)

    def strand(self) -> None:
        """Let nothing get through on the connections there are, for ever and without a word; new ones pass."""
        for link in self._links:
            link.stranded = True
            link.look()
        self._tell()

    async def changed(self, seconds: float | None) -> None:
        """Wait until the faults change, but for so many seconds at most."""
        event = self._changed
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await event.wait()

    def _tell(self) -> None:
        event, self._changed = self._changed, asyncio.Event()
        event.set()

    def _listen(self) -> None:
        # Not by start_server: before Python 3.12 it forgets a connection that it accepts just as it is closed.
        self._listener = _bound(self.port)
        self._listener.setblocking(False)
        self._listener.listen(128)
        asyncio.get_running_loop().add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(BlockingIOError, ConnectionError):  # it has gone again
            accepted, _ = listener.accept()
            self.connections += 1
            task = asyncio.create_task(self._serve(accepted, listener))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket, listener: socket.socket) -> None:
        accepted.setblocking(False)
        link = _Link(self, *await asyncio.open_connection(sock=accepted))
        self._links.add(link)
        try:
            if self._listener is listener:  # nothing was cut meanwhile
                await link.run()
        finally:
            self._links.discard(link)
            link.close()


class _Link:
    """One connection of a client, and its other half to the server."""

    def __init__(self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stranded = False
        self._proxy = proxy
        self._tail = b""
        self._reader = reader
        self._writers = [writer]
        self._closed = asyncio.Event()
        self.look()

    def look(self) -> None:
        """Read from no side whose direction is frozen, so that its sender fills up and waits."""
        for writer, up in zip(self._writers, (True, False), strict=False):
            transport = writer.transport
            if not transport.is_closing():
                frozen = self._line(up=up).frozen
                (transport.pause_reading if frozen else transport.resume_reading)()  # type: ignore[attr-defined]

    def close(self, *, reset: bool = False) -> None:
        """End both halves."""
        self._closed.set()
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if reset and sock is not None and not writer.is_closing():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST)
            writer.transport.abort() if reset else writer.close()

    async def run(self) -> None:
        """Forward both directions until both have ended."""
        while self._line(up=True).frozen:
            await self._proxy.changed(None)
        try:
            reader, writer = await asyncio.open_connection(*self._proxy.target)
        except OSError:
            return self.close(reset=True)
        self._writers.append(writer)
        self.look()
        closed = asyncio.create_task(self._closed.wait())
        both = asyncio.create_task(self._both(reader, writer))
        try:
            await asyncio.wait([closed, both], return_when=asyncio.FIRST_COMPLETED)
        finally:
            closed.cancel()
            both.cancel()
            await asyncio.gather(closed, both, return_exceptions=True)
            self.close()

    async def _both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.gather(self._forward(self._reader, writer, up=True), self._forward(reader, self._writers[0]))

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool = False) -> None:
        under_way = UnderWay()
        reading = asyncio.ensure_future(self._read(reader, under_way, up=up))
        try:
            while (piece := await under_way.next()) is not None:
                await self._send(*piece, writer, up=up)
            with suppress(OSError):
                writer.write_eof()
        except ConnectionError:
            self.close(reset=True)
        finally:
            reading.cancel()

    async def _read(self, reader: asyncio.StreamReader, under_way: UnderWay, *, up: bool) -> None:
        """Read ahead, so that latency delays bytes and does not make them fewer."""
        now = asyncio.get_running_loop().time
        try:
            while data := await reader.read(_PIECE):
                end = None if up else self._end(data)
                await under_way.put((now(), data[:end]))
                if end is not None:
                    break
        except ConnectionError:
            self.close(reset=True)
        while self._line(up=up).frozen:  # an end does not get through either
            await self._proxy.changed(None)
        await under_way.put(None)

    def _end(self, data: bytes) -> int | None:
        """Return where the mark ends in what came; it may have begun before."""
        mark, seen = self._proxy.mark, self._tail + data
        if mark is None:
            return None
        found = seen.find(mark)
        self._tail = seen[max(0, len(seen) - len(mark) + 1) :] if found < 0 else b""
        if found < 0:
            return None
        self._proxy.mark = None
        return found + len(mark) - (len(seen) - len(data))

    async def _send(self, since: float, data: bytes, writer: asyncio.StreamWriter, *, up: bool) -> None:
        now = asyncio.get_running_loop().time
        while data:
            line = self._line(up=up)
            wait = since + line.latency - now()
            if line.frozen or wait > 0:
                await self._proxy.changed(None if line.frozen else wait)
                continue
            size, pause = line.share(len(data))
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if pause:
                await self._proxy.changed(pause)

    def _line(self, *, up: bool) -> Line:
        if self.stranded:
            return _FROZEN
        return self._proxy.upstream if up else self._proxy.downstream


def _bound(port: int) -> socket.socket:
    """Return a socket that has the port and does not listen: while one is held, nobody else gets the port."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock
