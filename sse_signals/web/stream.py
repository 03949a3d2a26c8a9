"""``GET {prefix}/stream``: an open response, from its receipt to its proper end."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
from typing import TYPE_CHECKING, Final

from aiohttp import HttpVersion11, web
from aiohttp_sse import EventSourceResponse

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
    from sse_signals.topics import Filters
    from sse_signals.web.site import Site
    from sse_signals.wire.formats import Format

KERNEL_BUFFER: Final = 64 * 1024  # bytes; the kernel doubles it. Left alone, a reader that never reads takes 4 MB
_USER_TIMEOUT_MARGIN: Final = (
    15.0  # seconds; TCP_USER_TIMEOUT also ends readers with a closed window, so the sweep comes first
)


class StreamResponse(EventSourceResponse):
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
        if (transport := request.transport) is not None:
            # Zero: drain() then returns when the buffer is empty, not when it has shrunk to a quarter.
            transport.set_write_buffer_limits(high=0)
            if (sock := transport.get_extra_info("socket")) is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        return writer


class Connection:
    """One stream and its response, for as long as its request is handled."""

    __slots__ = ("_site", "_waiter", "_waking", "_writer", "opened", "response", "stream")

    def __init__(
        self,
        site: Site,
        response: StreamResponse,
        writer: AbstractStreamWriter,
        transport: asyncio.Transport,
        filters: Filters,
    ) -> None:
        self._site = site
        self._writer = writer
        self._waiter: asyncio.Future[None] | None = None
        self._waking = False
        self.response = response
        self.opened = asyncio.get_running_loop().time()
        self.stream = Stream(
            name=secrets.token_hex(8),
            filters=filters,
            identity=ANONYMOUS,
            wire_format=response.wire_format,
            transport=transport,
            notify=self._wake,
        )

    def open(self, query: StreamQuery, found: Found) -> None:
        """Take a place in the log and write the receipt, in one tick."""
        site, stream = self._site, self.stream
        node = site.service.node
        how = node.open(stream, query.start, found, poll=query.poll)
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
        if site.sweep is not None:
            site.sweep.add(stream)
        node.turnstile.enter(stream)

    async def run(self) -> None:
        """Bring the stream to the turnstile whenever it is behind and its connection takes bytes, until it ends.

        Raises:
            ConnectionResetError: The client is gone.
        """
        stream = self.stream
        while stream.ended is None:
            await self._woken()
            await self._writer.drain()
            self._site.service.node.turnstile.enter(stream)

    def close(self) -> None:
        """Let everything go that knows of the stream, and say how it went."""
        stream, sweep = self.stream, self._site.sweep
        if sweep is not None:
            sweep.remove(stream)
            if not len(sweep):
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
        if self._waiter is None:
            self._waking = True
        elif not self._waiter.done():
            self._waiter.set_result(None)

    async def _woken(self) -> None:
        if not self._waking:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._waking = False


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
        except Exception as error:  # noqa: BLE001 - every failure gets an answer
            return self._site.answer(request, error)
        if not isinstance(opened, Connection):
            return opened
        try:
            await opened.run()
        except ConnectionResetError:
            opened.stream.end("client-gone")
        finally:
            opened.close()
        return opened.response

    async def _open(self, request: web.Request) -> web.StreamResponse | Connection:
        site = self._site
        site.admit(request)
        site.check_origin(request)
        query = stream_query(request, site.clock())
        if site.busy is not None:
            return await self._goodbye(request, query, site.busy)
        found = await site.service.look_up(query.start, query.filters, ANONYMOUS)
        response, writer = await self._prepare(request, query)
        transport = request.transport
        if transport is None or writer is None:
            return response
        connection = Connection(site, response, writer, transport, query.filters)
        connection.open(query, found)
        site.logger.info(
            "stream opened",
            stream=connection.stream.name,
            remote=request.remote,
            topics=list(query.filters)[:8],
            start=type(query.start).__name__.lower(),
            format=response.content_type,
        )
        return connection

    async def _goodbye(self, request: web.Request, query: StreamQuery, reason: str) -> web.StreamResponse:
        site = self._site
        if query.poll or query.ndjson:
            raise unavailable(reason)
        response, _ = await self._prepare(request, query)
        retry_ms = spread(GOODBYE, random.random())  # noqa: S311 - not a secret
        plain = formats.SSE_PLAIN  # the response adds its own chunks
        await response.write(plain.control(controls.goodbye(reason, retry_ms, site.clock())))
        return response

    async def _prepare(
        self, request: web.Request, query: StreamQuery
    ) -> tuple[StreamResponse, AbstractStreamWriter | None]:
        wire_format = _format(query, chunked=request.version >= HttpVersion11)
        response = StreamResponse(wire_format, self._site.cors(request), self._site.send_timeout)
        return response, await response.prepare(request)


def _format(query: StreamQuery, *, chunked: bool) -> Format:
    if query.ndjson:
        return formats.NDJSON if chunked else formats.NDJSON_PLAIN
    return formats.SSE if chunked else formats.SSE_PLAIN
