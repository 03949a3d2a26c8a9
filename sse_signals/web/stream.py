"""``GET {prefix}/stream``: an open response, from its receipt to its proper end."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from typing import TYPE_CHECKING, Final, cast

from aiohttp import HttpVersion11, web
from aiohttp_sse import EventSourceResponse

from sse_signals.cursor.start import NOTHING
from sse_signals.hub.stream import Stream
from sse_signals.identity import ANONYMOUS
from sse_signals.retry import GOODBYE, RECONNECT, spread
from sse_signals.web.problems import SERVER, unavailable
from sse_signals.web.query import StreamQuery, stream_query
from sse_signals.wire import controls, formats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.abc import AbstractStreamWriter

    from sse_signals.cursor.start import Found
    from sse_signals.hub.sweep import Sweep
    from sse_signals.web.site import Site
    from sse_signals.wire.formats import Format

KERNEL_BUFFER: Final = 64 * 1024  # bytes; the kernel doubles it. Left alone, a reader that never reads takes 4 MB
_USER_TIMEOUT_MARGIN: Final = (
    15.0  # seconds; TCP_USER_TIMEOUT also ends readers with a closed window, so the sweep comes first
)


class SignalsResponse(EventSourceResponse):
    """The response of a stream: `aiohttp_sse`'s, without its ping task, since the sweep does heartbeats for all."""

    def __init__(self, wire_format: Format, headers: Mapping[str, str], send_timeout: float) -> None:
        super().__init__(headers=headers, send_timeout=send_timeout + _USER_TIMEOUT_MARGIN)
        self.wire_format = wire_format
        self.headers["Content-Type"] = wire_format.content_type
        self.headers["Cache-Control"] = "no-store, no-transform"
        self.headers["Server"] = SERVER
        self.headers["X-Content-Type-Options"] = "nosniff"
        if not wire_format.chunked:
            # Without chunks only the end of the connection ends the body (RFC 9112, section 6.3).
            self.headers["Connection"] = "close"
            self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the response's head, and bound what the connection may buffer."""
        writer = await super().prepare(request)
        self.stop_streaming()
        transport = connected(request)
        # drain() then returns when the buffer is empty, not when it has shrunk to a quarter. Not 0: TLS on Python 3.11
        # would take an empty buffer for a full one.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        return writer


def connected(request: web.BaseRequest) -> asyncio.Transport:
    """Return the transport of a request whose response's head has just been written to it."""
    return cast("asyncio.Transport", request.transport)


class Connection:
    """One stream and its response, for as long as its request is handled."""

    __slots__ = ("_found", "_query", "_site", "_sweep", "_waiter", "_writer", "opened", "response", "stream")

    def __init__(
        self,
        site: Site,
        sweep: Sweep,
        request: web.BaseRequest,
        response: SignalsResponse,
        query: StreamQuery,
        found: Found,
    ) -> None:
        self._site = site
        self._sweep = sweep
        self._writer = request.writer
        self._query = query
        self._found = found
        self._waiter: asyncio.Future[None] | None = None
        self.response = response
        self.opened = asyncio.get_running_loop().time()
        self.stream = Stream(
            name=secrets.token_hex(8),
            filters=query.filters,
            identity=ANONYMOUS,
            wire_format=response.wire_format,
            transport=connected(request),
            notify=self._wake,
        )

    def open(self, remote: str | None) -> None:
        """Take a place in the log and write the receipt, in one tick."""
        site, stream, query = self._site, self.stream, self._query
        node = site.service.node
        how = node.open(stream, query.start, self._found, poll=query.poll)
        receipt = controls.receipt(
            stream=stream.name,
            identity=stream.identity,
            filters=stream.filters,
            heartbeat=site.heartbeat,
            recovered=how.recovered,
            event_id=how.event_id,
            retry_ms=spread(RECONNECT, random.random()),  # noqa: S311 - not a secret
            time_ms=site.clock(),
        )
        stream.write(stream.format.control(receipt))
        self._sweep.add(stream)
        node.turnstile.enter(stream)
        site.logger.info(
            "stream opened",
            stream=stream.name,
            remote=remote,
            topics=list(stream.filters)[:8],
            start=type(query.start).__name__.lower(),
            format=stream.format.content_type,
        )

    async def run(self) -> None:
        """Bring the stream to the turnstile whenever it is behind and its connection takes bytes, until it ends.

        Raises:
            ConnectionError: The client is gone.
        """
        stream = self.stream
        while stream.ended is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            # Whoever wakes it meanwhile wakes it for what follows anyway.
            await self._writer.drain()
            self._site.service.node.turnstile.enter(stream)

    def close(self) -> None:
        """Let everything go that knows of the stream, and say how it went."""
        stream = self.stream
        self._sweep.remove(stream)
        if not len(self._sweep):
            self._site.empty.set()
        self._site.service.node.hub.close(stream)
        self._site.logger.info(
            "stream closed",
            stream=stream.name,
            reason=stream.ended,
            seconds=round(asyncio.get_running_loop().time() - self.opened, 3),
            events=stream.events,
            bytes=stream.size,
            times_behind=stream.times_behind,
        )

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Streaming:
    """The handler of stream requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with a stream, or say why not.

        A native EventSource gives up for good on any status but 200: a bad moment is told on a stream that then ends.
        """
        try:
            opened = await self._open(request)
        except Exception as error:
            if _gone(request):
                return web.Response()  # nobody is left to read it
            if request.writer.output_size:
                raise  # the response has begun: no other can be sent, only the connection closed
            return self._site.answer(request, error)
        if not isinstance(opened, Connection):
            return opened
        try:
            opened.open(request.remote)
            await opened.run()
        except ConnectionError:
            opened.stream.end("client-gone")
        finally:
            opened.close()
        return opened.response

    async def _open(self, request: web.Request) -> web.StreamResponse | Connection:
        site = self._site
        site.admit(request)
        site.check_origin(request)
        query = stream_query(request, site.clock())
        found = NOTHING if site.busy else await self._look_up(query)
        if site.busy and (query.poll or query.ndjson):
            site.logger.info("stream refused", reason=site.busy)
            raise unavailable(site.busy)
        response = SignalsResponse(
            _format(query, chunked=request.version >= HttpVersion11), site.cors(request), site.send_timeout
        )
        await response.prepare(request)
        sweep = site.sweep
        if site.busy or sweep is None:  # it may have become so meanwhile; from here on nothing can come between
            await self._goodbye(response, query, site.busy or "starting")
            return response
        return Connection(site, sweep, request, response, query, found)

    async def _look_up(self, query: StreamQuery) -> Found:
        return await self._site.service.look_up(query.start, query.filters, ANONYMOUS, poll=query.poll)

    async def _goodbye(self, response: SignalsResponse, query: StreamQuery, reason: str) -> None:
        self._site.logger.info("stream refused", reason=reason)
        retry_ms = spread(GOODBYE, random.random())  # noqa: S311 - not a secret
        plain = _format(query, chunked=False)  # the response adds its own chunks
        await response.write(plain.control(controls.goodbye(reason, retry_ms, self._site.clock())))


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _format(query: StreamQuery, *, chunked: bool) -> Format:
    if query.ndjson:
        return formats.NDJSON if chunked else formats.NDJSON_PLAIN
    return formats.SSE if chunked else formats.SSE_PLAIN
