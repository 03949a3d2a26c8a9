"""HTTP/1 as it stands on the wire: no client library between, which would tidy up what there is to see."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.bench.chunks import Chunks
from sse_signals.conformance.outcome import Failed

if TYPE_CHECKING:
    import ssl

    from sse_signals.bench.target import Address

PIECE: Final = 64 * 1024  # bytes that are read at once
_HEAD: Final = 256 * 1024  # bytes of a response's head at most
_STATUS: Final = re.compile(r"HTTP/(1\.[01]) ([1-5][0-9][0-9])(?: |$)")
_BODILESS: Final = frozenset({204, 304})
_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_SHOWN: Final = 80  # characters


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response.

    Attributes:
        version: The HTTP version, such as ``1.1``.
        status: The status.
        headers: Names in lower case, and values.
    """

    version: str
    status: int
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Return a header's value, several joined with a comma; empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)

    def items(self, name: str) -> set[str]:
        """Return the items of a header that is a list, in lower case."""
        return {item.strip().lower() for item in self.get(name).split(",")} - {""}

    @classmethod
    def parse(cls, data: bytes) -> Head:
        """Read a head.

        Raises:
            Failed: It is none of HTTP/1.
        """
        start, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        status = _STATUS.match(start)
        if status is None:
            raise Failed(f"the answer begins with {start[:_SHOWN]!r}, which is no HTTP/1")
        pairs = (line.partition(":") for line in lines)
        return cls(status[1], int(status[2]), tuple((name.lower(), value.strip()) for name, _, value in pairs))


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that has come as a whole."""

    head: Head
    body: bytes

    @property
    def status(self) -> int:
        """The status."""
        return self.head.status


class Connection:
    """One connection, on which one response is read at a time.

    Attributes:
        clean: Whether the response's body has ended as its framing says, and not with a connection that broke.
        ended: Whether nothing more comes of this response.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chunks: Chunks | None = None
        self._left: int | None = None
        self._keeps = False
        self.clean = False
        self.ended = False

    @classmethod
    async def to(
        cls, address: Address, context: ssl.SSLContext | None, *, receive_buffer: int | None = None
    ) -> Connection:
        """Connect.

        Args:
            address: Where to.
            context: What TLS needs; None without TLS.
            receive_buffer: Bytes that the kernel may hold for a reader that is slow; None for what it thinks best.

        Raises:
            OSError: It cannot.
        """
        host = address.host if context is not None else None
        if receive_buffer is None:
            return cls(
                *await asyncio.open_connection(
                    address.host, address.port, ssl=context, server_hostname=host, limit=_HEAD
                )
            )
        loop = asyncio.get_running_loop()
        family, _, _, _, where = (await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM))[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            await loop.sock_connect(sock, where)
            return cls(
                *await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host, limit=receive_buffer)
            )
        except BaseException:
            sock.close()
            raise

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self.ended and self.clean and self._keeps and not self._reader.at_eof()

    @property
    def gone(self) -> bool:
        """Whether the other end has closed it."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def send(self, data: bytes) -> None:
        """Send bytes; that the other end takes no more, is seen by whoever reads."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    def end_sending(self) -> None:
        """Close this end only; TLS has nothing of the kind."""
        self._writer.write_eof()

    async def head(self, *, bodiless: bool = False) -> Head:
        """Read the head of the next response.

        Args:
            bodiless: Whether the request was a HEAD.

        Raises:
            Failed: What comes is no HTTP, or nothing comes.
        """
        try:
            head = Head.parse(await self._reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            raise Failed("the head of the answer has no end") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Failed("it hung up without an answer") from None
        length = head.get("content-length")
        chunked = "chunked" in head.items("transfer-encoding")
        self._chunks = Chunks() if chunked else None
        self._left = 0 if bodiless or head.status in _BODILESS else int(length) if _LENGTH.fullmatch(length) else None
        self._keeps = head.version == "1.1" and "close" not in head.items("connection")
        self.clean = self.ended = self._left == 0
        return head

    async def piece(self, size: int = PIECE) -> bytes:
        """Return what comes next of the body; nothing at its end.

        Raises:
            Failed: It is not in chunks although the head says so.
        """
        if self.ended:
            return b""
        while True:
            data = await self._read(size)
            if not data:
                self.ended = True
                self.clean = self._chunks is None and self._left is None
                return b""
            if (body := self._unframed(data)) or self.ended:
                return body

    async def body(self) -> bytes:
        """Return all of the body."""
        parts = []
        while part := await self.piece():
            parts.append(part)
        return b"".join(parts)

    async def rest(self, seconds: float) -> bytes:
        """Return all that comes, whatever it is, until the connection ends, or a time is over."""
        parts = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while part := await self._read(PIECE):
                    parts.append(part)
        return b"".join(parts)

    def close(self) -> None:
        """Let go of it at once."""
        self._writer.transport.abort()

    async def _read(self, size: int) -> bytes:
        try:
            return await self._reader.read(size)
        except ConnectionError:
            return b""

    def _unframed(self, data: bytes) -> bytes:
        if self._chunks is not None:
            try:
                data = self._chunks.feed(data)
            except ValueError:
                raise Failed("the body is not in chunks although its head says so") from None
            self.ended = self.clean = self._chunks.ended
        elif self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self.ended = self.clean = not self._left
        return data


def reason(error: OSError) -> str:
    """Return what an error of a connection says to people."""
    known = error.errno is not None and error.errno > 0
    return os.strerror(error.errno or 0) if known else str(error.strerror or error)
