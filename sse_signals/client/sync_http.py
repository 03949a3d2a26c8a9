"""Requests of synchronous programs, on urllib3: kept connections for publishing, and one for each stream."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Timeout

from sse_signals.client.answers import MAX_ANSWER, Answer
from sse_signals.client.publishing import Failed

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

    from sse_signals.client.requests import HubUrl, Request

CONNECT: Final = 5.0  # seconds for a TCP connection, and for a TLS one on it
AT_ONCE: Final = 32  # requests with an answer under way; streams do not count
_PIECE: Final = 65536  # bytes that are read at once
_EMPTY: Final = frozenset({204, 304})  # answers that need not say how long they are

_FAILURES: Final = (HTTPError, HTTPException, OSError, ValueError)  # ValueError: what is read has been closed meanwhile


class Link:
    """Connections to one hub, in one process; any thread may use them.

    It follows no redirect, keeps no cookie, and takes no proxy or credentials from the environment.

    Attributes:
        asking: Held by whoever asks for a token.
    """

    def __init__(self, hub: HubUrl) -> None:
        parts = urlsplit(hub.prefix)
        self._origin = len(f"{parts.scheme}://{parts.netloc}")
        self._host = parts.hostname or ""
        self._port = parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._pool = self._connections()
        self.asking = threading.Lock()

    def ask(self, request: Request, seconds: float) -> Answer | Failed:
        """Send a request, and return its whole answer, or why there is none within so many seconds."""
        until = monotonic() + seconds
        try:
            response = self._pool.urlopen(
                request.method,
                self.target(request),
                body=request.body,
                headers=request.headers,
                retries=False,
                redirect=False,
                timeout=Timeout(connect=min(CONNECT, seconds), read=seconds),
                pool_timeout=ceil(seconds),
                preload_content=False,
                decode_content=False,
            )
            try:
                return read(response, until)
            finally:
                response.close()  # it has let the connection go already if it was read to its end
        except _FAILURES as error:
            before = isinstance(error, ConnectTimeoutError | EmptyPoolError) or _certificate(error) is not None
            return Failed(told(error), sent=not before)

    def target(self, request: Request) -> str:
        """Return what of a request's URL is sent."""
        return request.url[self._origin :]

    def wire(self) -> Wire:
        """Return a connection of its own, for a stream; it is not connected yet."""
        if self._tls is None:
            return Wire(self, HTTPConnection(self._host, self._port, timeout=CONNECT))
        return Wire(self, HTTPSConnection(self._host, self._port, timeout=CONNECT, ssl_context=self._tls))

    def close(self) -> None:
        """Close the connections that are kept; what is under way goes on to its end."""
        self._pool.close()

    def _connections(self) -> HTTPConnectionPool:
        if self._tls is None:
            return HTTPConnectionPool(self._host, self._port, maxsize=AT_ONCE, block=True)
        return HTTPSConnectionPool(self._host, self._port, maxsize=AT_ONCE, block=True, ssl_context=self._tls)


class Wire:
    """The connection of one stream: one thread sends and reads, and any other may shut it."""

    def __init__(self, link: Link, connection: HTTPConnection) -> None:
        self._link = link
        self._connection = connection
        self._response: BaseHTTPResponse | None = None
        self._sock: socket.socket | None = None  # http.client forgets it when only its end ends the answer
        self._shut = False

    def send(self, request: Request, seconds: float) -> Answer | Failed:
        """Connect, send a request, and return its answer as far as its head, or why there is none.

        Args:
            request: What to send.
            seconds: After which the answer counts as missing, and a connection.
        """
        connection = self._connection
        try:
            connection.timeout = min(CONNECT, seconds)
            connection.connect()
            self._sock = connection.sock
            if self._shut:  # while there was nothing yet that could be
                return Failed("it was shut", sent=False)
            connection.timeout = seconds
            connection.request(
                request.method,
                self._link.target(request),
                headers=request.headers,
                preload_content=False,
                decode_content=False,
            )
            response = self._response = connection.getresponse()
        except _FAILURES as error:
            return Failed(told(error), sent=True)
        return Answer(response.status, response.headers)

    def body(self, seconds: float) -> Answer | Failed:
        """Return the answer with its body, or why it has not come in time."""
        try:
            return read(self._begun(), monotonic() + seconds, self._sock)
        except _FAILURES as error:
            return Failed(told(error), sent=True)

    def read(self, seconds: float) -> bytes | Failed:
        """Wait for the next bytes, and return them; none at the proper end, or why they have not come in time."""
        try:
            _limit(self._sock, seconds)
            return self._begun().read1() or b""
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
        """Let it go; only while no other thread reads."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _begun(self) -> BaseHTTPResponse:
        if self._response is None:
            raise ValueError("nothing was asked")
        return self._response


def read(response: BaseHTTPResponse, until: float, sock: socket.socket | None = None) -> Answer:
    """Return an answer with its body, or with as much of it as an answer may have.

    Args:
        response: Its head has been read.
        until: The monotonic time at which it has to be there.
        sock: What it comes on, if the response does not know.

    Raises:
        TimeoutError: It is not.
        ConnectionError: It ended in the middle of its head, which http.client takes for a head.
        HTTPError: It broke, as urllib3 says it.
    """
    body = b""
    while len(body) <= MAX_ANSWER:
        left = until - monotonic()
        if left <= 0:
            raise TimeoutError
        _limit(sock or getattr(response.connection, "sock", None), left)
        piece = response.read1(_PIECE)
        if not piece:
            break
        body += piece
    framed = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers
    if not body and not framed and response.status not in _EMPTY:
        raise ConnectionError
    return Answer(response.status, response.headers, body)


def _limit(sock: socket.socket | None, seconds: float) -> None:
    """Have reading fail after so many seconds; without an open socket, all has been read already."""
    if sock is not None and sock.fileno() >= 0:
        sock.settimeout(seconds)


def told(error: Exception) -> str:
    """Return why a request failed; the errors' own texts may hold what was sent."""
    if isinstance(error, ProtocolError) and isinstance(error.args[-1], Exception):
        error = error.args[-1]
    certificate = _certificate(error)
    if certificate is not None:
        return f"its certificate is not valid ({certificate.verify_message})"
    if isinstance(error, NewConnectionError) and not isinstance(error, NameResolutionError):
        cause = error.__cause__
        return (cause.strerror if isinstance(cause, OSError) else None) or "no connection"
    kinds = (text for kind, text in _TOLD if isinstance(error, kind))
    return next(kinds, f"the answer is no HTTP ({type(error).__name__})")


def _certificate(error: Exception) -> ssl.SSLCertVerificationError | None:
    """Return what is wrong with a certificate; urllib3 wraps it for a pool, and not for a single connection."""
    inner = error.args[0] if isinstance(error, SSLError) else error
    return inner if isinstance(inner, ssl.SSLCertVerificationError) else None


_TOLD: Final = (
    (NameResolutionError, "its host is not known"),
    ((TimeoutError, ConnectTimeoutError, ReadTimeoutError), "no answer in time"),
    (EmptyPoolError, f"{AT_ONCE} requests are under way, and none has ended in time"),
    (RemoteDisconnected, "the connection was closed without an answer"),
    ((HTTPError, OSError, IncompleteRead), "the connection broke"),
)
