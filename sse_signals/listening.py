"""Where the hub listens: sockets, the connections that they accept, and the URL that leads there."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from aiohttp import ClientPayloadError, web

from sse_signals.errors import ConfigurationError
from sse_signals.web.problems import Problem, internal_error
from sse_signals.web.request_ids import REQUEST_ID, request_id

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator, Sequence

BACKLOG: Final = 4096  # connections that may wait to be accepted: a whole fleet reconnects at once
ACCEPTED_AT_ONCE: Final = 16  # connections accepted in one turn of the loop, so that a fleet does not stop it for long
OPTIONS: Final = "--host and --port"
KEEP_ALIVE: Final = 15.0  # seconds that a connection may stay without a request, or with half a request's head
LINGER: Final = 2.0  # seconds of reading on after an early answer, so that the client gets to see it
_NO_LOG: Final = cast("logging.Logger", None)  # what aiohttp takes for "none", though its types say otherwise
_ABSENT: Final = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})  # localhost is ::1, too, even without IPv6


class HttpConnection(web.RequestHandler):
    """`aiohttp`'s connection, with answers to broken requests that people can act on and logs without their content."""

    __slots__ = ("_leaving",)

    def __init__(self, *arguments: Any, leaving: asyncio.Event, **options: Any) -> None:
        """Make one.

        Args:
            arguments: What `aiohttp` takes.
            leaving: Is set when a client had better come back over another connection.
            options: What `aiohttp` takes.
        """
        super().__init__(*arguments, **options)
        self._leaving = leaving

    def data_received(self, data: bytes) -> None:
        """Take bytes; whoever waits for the rest of a body learns when its framing turns out to be broken."""
        super().data_received(data)
        request = self._current_request
        # Nothing can come after a body that is not complete, but for the news that the parser gave up.
        if self._messages and request is not None and not request.content.is_eof():
            request.content.set_exception(ClientPayloadError("the framing is broken"))
            request.content.feed_eof()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a response; the router's own, for a target that is no path (``*``, CONNECT), as a problem."""
        if isinstance(resp, web.HTTPException):
            resp = Problem(
                404, "not-found", "The request's target is no path.", hint="Ask for a path such as /signals/stream."
            ).response(_headers(request))
        if self._leaving.is_set() and not resp.prepared:  # whoever is told that it stays may be using it already
            resp.force_close()
        return await super().finish_response(request, resp, start_time)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - aiohttp passes it
    ) -> web.StreamResponse:
        """Answer a request that could not be parsed (400), or whose handler failed (500).

        Raises:
            ConnectionError: A response has begun, so that none can be sent.
        """
        if status == 400:
            # The exception holds the start of what was sent, maybe a token: only its kind is logged.
            said = {"request_id": request_id(request), "reason": type(exc).__name__}
            self.logger.info("broken request refused", extra=said)
            problem = Problem(
                400,
                "bad-request",
                "The request is not well-formed HTTP/1.1, or a line of its head is longer than 8190 bytes.",
                hint="Check the request line and headers; with many topic filters, use a prefix such as 'orders/*'.",
                close=True,
            )
        else:
            self.logger.error("request failed", exc_info=exc, extra={"request_id": request_id(request)})
            problem = internal_error()
            problem.close = True
        if request.writer.output_size > 0:
            raise ConnectionError("a response has begun")
        return problem.response(_headers(request))


async def bound(host: str, port: int, *, shared: bool = False, options: str = OPTIONS) -> list[socket.socket]:
    """Return sockets that are bound to all addresses of a host, and do not listen yet.

    Args:
        host: A name or an address.
        port: Their port; 0 takes any free one.
        shared: Whether other sockets of this user may listen there, too, each for a part of the connections.
        options: With which options others are chosen, for who is told that these cannot be had.

    Raises:
        ConfigurationError: The address is not there, or somebody else has it.
    """
    sockets: list[socket.socket] = []
    with _told(host, port, options):
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        absent: OSError | None = None
        try:
            for family, *_, (address, _, *scope) in dict.fromkeys(found):
                if sockets and not port:
                    port = sockets[0].getsockname()[1]  # one URL leads to all of them
                try:
                    sockets.append(_bound(family, (address, port, *scope), shared=shared))
                except OSError as error:
                    if error.errno not in _ABSENT:
                        raise
                    absent = error
            if absent is not None and not sockets:
                raise absent
        except OSError:
            close(sockets)
            raise
    return sockets


def beside(sockets: Sequence[socket.socket]) -> list[socket.socket]:
    """Return sockets that are bound to the same addresses as others that are shared.

    Raises:
        OSError: There can be no more of them.
    """
    return [_bound(other.family, other.getsockname(), shared=True) for other in sockets]


def close(sockets: Sequence[socket.socket]) -> None:
    """Let go of sockets."""
    for listener in sockets:
        listener.close()


async def accept(
    runner: web.AppRunner, listener: socket.socket, leaving: asyncio.Event, *, options: str = OPTIONS
) -> asyncio.Server:
    """Accept connections for an application that is set up; the socket is the server's from now on.

    Args:
        runner: Runs the application.
        listener: The socket.
        leaving: From when it is set, each connection ends with the next answer.
        options: With which options another address is chosen.

    Raises:
        ConfigurationError: Somebody else listens there.
    """
    manager = cast("web.Server", runner.server)  # it is there, since the runner is set up
    loop = asyncio.get_running_loop()

    def connected() -> HttpConnection:
        return HttpConnection(
            manager,
            loop=loop,
            leaving=leaving,
            access_log=_NO_LOG,  # it would write queries; streams have records of their own
            auto_decompress=False,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGER,
        )

    host, port = listener.getsockname()[:2]
    with _told(host, port, options):
        # asyncio takes `backlog` for the number of connections to accept at a time, too.
        server = await loop.create_server(connected, sock=listener, backlog=ACCEPTED_AT_ONCE)
    with socket.socket(fileno=os.dup(listener.fileno())) as same:
        same.listen(BACKLOG)
    return server


def url_of(sockets: Sequence[socket.socket], prefix: str) -> str:
    """Return where the hub is, with the prefix of its routes."""
    host, port = sockets[0].getsockname()[:2]
    return f"http://{in_url(host)}:{port}{prefix}"


def in_url(host: str) -> str:
    """Return a host as it is written in a URL."""
    return f"[{host}]" if ":" in host else host


def _headers(request: web.BaseRequest) -> dict[str, str]:
    """Return what the answer to a request carries that reached no route."""
    return {"Vary": "Origin, Authorization, Cookie", REQUEST_ID: request_id(request)}


def _bound(family: int, address: tuple[Any, ...], *, shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the last hub may linger
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


@contextmanager
def _told(host: str, port: int, options: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {reason}; choose another with {options}."
        ) from None
