"""One stream of a load on its way to being open."""

from __future__ import annotations

import select
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.bench.answers import code, refuses, told
from sse_signals.bench.connections import raise_failure, read
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from sse_signals.bench.connections import Connector


@dataclass(frozen=True, slots=True)
class Wanted:
    """Streams to open.

    Attributes:
        channel: A name; all streams of one name should receive the same messages, the first and all that follow.
        request: The request that opens one.
        count: How many.
        read: Whether they are read. Those that are not only ever got their response's head.
        buffer: Bytes the kernel may hold for the reader of each; None for what it thinks best.
    """

    channel: str
    request: bytes
    count: int = 1
    read: bool = True
    buffer: int | None = None


class Opening:
    """Connects, asks, and waits for the receipt, one step whenever its socket is ready.

    Attributes:
        wanted: What it opens.
        sock: Its socket.
        received: What came so far.
    """

    def __init__(self, connector: Connector, epoll: select.epoll, wanted: Wanted, ready: bytes) -> None:
        """Begin to connect.

        Raises:
            LoadFailed: It cannot.
        """
        self._connector = connector
        self._epoll = epoll
        self._ready = ready
        self._asked = False
        self.wanted = wanted
        self.received = b""
        try:
            self.sock = connector.connect()
        except OSError as error:
            raise connector.failed(error) from None
        if wanted.buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted.buffer)
        epoll.register(self.fileno, select.EPOLLOUT)

    @property
    def fileno(self) -> int:
        """The number by which the system knows its socket."""
        return self.sock.fileno()

    def go_on(self) -> bool:
        """Take the next step; say whether the stream is open.

        Raises:
            LoadFailed: It was refused, or its connection broke.
        """
        try:
            return self._listen() if self._asked else self._ask()
        except OSError as error:
            raise self._connector.failed(error) from None

    def close(self) -> None:
        """Give it up."""
        self.sock.close()

    def _ask(self) -> bool:
        if not isinstance(self.sock, ssl.SSLSocket):
            raise_failure(self.sock)
            self.sock = self._connector.secure(self.sock)
        if self._shaken():
            self.sock.sendall(self.wanted.request)
            self._asked = True
            self._epoll.modify(self.fileno, select.EPOLLIN)
        return False

    def _shaken(self) -> bool:
        """Say whether the TLS handshake is done, if there is one."""
        if not isinstance(self.sock, ssl.SSLSocket):
            return True
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._epoll.modify(self.fileno, select.EPOLLIN)
            return False
        return True

    def _listen(self) -> bool:
        data = read(self.sock)
        if data is None:
            return False
        self.received += data
        if not data or refuses(self.received):
            text = f"A stream was refused: the hub {told(self.received).rstrip('.')}."
            raise LoadFailed(text, status=code(self.received))
        return b"\r\n\r\n" in self.received and self._ready in self.received
