"""One connection of a synchronous program, on urllib3: whatever is done on it ends in time."""

from __future__ import annotations

import io
import socket
import ssl
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from urllib3.exceptions import HTTPError, ReadTimeoutError

from sse_signals.client.answers import MAX_ANSWER, Answer
from sse_signals.client.publishing import Failed
from sse_signals.client.requests import CONNECT
from sse_signals.client.sync_words import told

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection
    from urllib3.response import BaseHTTPResponse

    from sse_signals.client.requests import Request

_PIECE: Final = 65536  # bytes that are read at once
_EMPTY: Final = frozenset({101, 204, 304})  # answers that need not say how long they are
_FAILURES: Final = (HTTPError, HTTPException, OSError, ValueError)  # ValueError: what is read has been closed meanwhile


class Wire:
    """A connection: one thread sends and reads, and any other may shut it."""

    def __init__(self, connection: HTTPConnection) -> None:
        connection.response_class = partial(_Head, self)  # type: ignore[assignment] # called like the class
        self._connection = connection
        self._response: BaseHTTPResponse | None = None
        self._sock: socket.socket | None = None  # http.client forgets it when only its end ends the answer
        self._shut = False
        self._until = 0.0

    @property
    def left(self) -> float:
        """Seconds for what is being done.

        Raises:
            TimeoutError: There are none.
        """
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    @property
    def usable(self) -> bool:
        """Whether another request may be sent: the last answer has been read to its end, and nobody has hung up."""
        return self._response is not None and self._response.closed and self._connection.is_connected

    def send(self, request: Request, seconds: float) -> Answer | Failed:
        """Connect, send a request, and return its answer as far as its head, or why there is none.

        Args:
            request: What to send.
            seconds: After which the answer counts as missing; a connection does sooner.
        """
        self._until = monotonic() + seconds
        self._response = None
        sent = False
        try:
            sock = self._connected()
            if self._shut:  # while there was nothing yet that could be
                return Failed("it was shut", sent=False)
            sock.settimeout(self.left)
            sent = True
            response = self._response = self._ask(request)
        except _FAILURES as error:
            return Failed(told(error), sent=sent, final=isinstance(error, ssl.SSLCertVerificationError))
        return Answer(response.status, response.headers)

    def _connected(self) -> socket.socket:
        connection, sock = self._connection, self._sock
        if sock is None:
            connection.timeout = min(CONNECT, self.left)
            connection.connect()
            sock = self._sock = cast("socket.socket", connection.sock)
        return sock

    def _ask(self, request: Request) -> BaseHTTPResponse:
        parts = urlsplit(request.url)
        with suppress(BrokenPipeError):  # it need not have read all to answer
            self._connection.request(
                request.method,
                request.url[len(f"{parts.scheme}://{parts.netloc}") :],
                body=request.body or None,
                headers=request.headers,
                preload_content=False,
                decode_content=True,  # some proxies compress what nobody asked them to
            )
        self._connection.timeout = self.left
        return self._connection.getresponse()

    def body(self, seconds: float) -> Answer | Failed:
        """Return the answer with its body, or why it has not come in time."""
        self._until = monotonic() + seconds
        try:
            return _whole(self._begun())
        except _FAILURES as error:
            return Failed(told(error), sent=True)

    def read(self, seconds: float) -> bytes | Failed:
        """Wait for the next bytes, and return them; none at the proper end, or why they have not come in time."""
        self._until = monotonic() + seconds
        try:
            return self._begun().read1(_PIECE) or b""
        except (TimeoutError, ReadTimeoutError):
            return Failed("silence", sent=True)
        except _FAILURES as error:
            return Failed(told(error), sent=True)

    def shut(self) -> None:
        """End whatever another thread is waiting for on it."""
        self._shut = True
        sock = self._sock or self._connection.sock  # the latter while it is about to speak TLS
        if sock is not None:
            with suppress(OSError):  # it is not connected any more, or closed
                socket.socket.shutdown(sock, socket.SHUT_RDWR)  # below TLS, which nobody may touch while another reads

    def close(self) -> None:
        """Let it go; only while no other thread reads. Another process that has it, too, keeps it."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _begun(self) -> BaseHTTPResponse:
        if self._response is None:
            raise ValueError("nothing was asked")
        return self._response


class _Head(HTTPResponse):
    """An answer that is read in time, and that comes after any number of others that only announce it."""

    def __init__(self, wire: Wire, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock, wire))

    def begin(self) -> None:
        super().begin()
        while 101 < self.status < 200:  # 103, for example; http.client knows 100 alone
            self.headers = self.msg = None  # type: ignore[assignment] # or it has begun
            super().begin()


class _Timed(io.RawIOBase):
    """What comes on a socket: waiting for each piece of it, it has the time that is left for all."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, wire: Wire) -> None:
        self._raw = raw
        self._sock = sock
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._wire.left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _whole(response: BaseHTTPResponse) -> Answer:
    """Return an answer with its body, or with as much of it as an answer may have.

    Raises:
        ConnectionError: It ended in the middle of its head, which http.client takes for a head.
        HTTPError: It broke, or took too long, as urllib3 says it.
    """
    body = b""
    while len(body) <= MAX_ANSWER and (piece := response.read1(_PIECE)):
        body += piece
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if not body and not framed and response.status not in _EMPTY:
        raise ConnectionError
    return Answer(response.status, response.headers, body)
