"""The response that a stream is written to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, cast

from aiohttp import HttpVersion11, hdrs, web
from aiohttp_sse import EventSourceResponse
from multidict import istr

from sse_signals.web.problems import BASE_HEADERS
from sse_signals.wire import formats
from sse_signals.wire.frames import chunk

if TYPE_CHECKING:
    import asyncio

    from aiohttp.abc import AbstractStreamWriter

    from sse_signals.web.site import Site
    from sse_signals.wire.controls import Control

KERNEL_BUFFER: Final = 64 * 1024  # bytes; the kernel doubles it. Left alone, a reader that never reads takes 4 MB
_USER_TIMEOUT_MARGIN: Final = (
    15.0  # seconds; TCP_USER_TIMEOUT also ends readers with a closed window, so the sweep comes first
)
_HEADERS: Final = {
    hdrs.CACHE_CONTROL: "no-store, no-transform",
    hdrs.CONNECTION: "keep-alive",
    istr("X-Accel-Buffering"): "no",
    **BASE_HEADERS,
}


class SignalsResponse(EventSourceResponse):
    """The response of a stream: `aiohttp_sse`'s, without its ping task, since the sweep does heartbeats for all."""

    _send_headers_immediately = False  # they go out with the receipt: each write costs what a delivery costs

    def __init__(self, request: web.BaseRequest, site: Site, *, ndjson: bool, lasting: bool = True) -> None:
        """Make one.

        Args:
            request: What it answers.
            site: Where that arrived.
            ndjson: Whether it is JSON lines.
            lasting: Whether its connection ends with it; that of a poll is used again, unless the hub drains.
        """
        super().__init__(headers=site.cors(request), send_timeout=site.send_timeout + _USER_TIMEOUT_MARGIN)
        chunked, self._plain = (formats.NDJSON, formats.NDJSON_PLAIN) if ndjson else (formats.SSE, formats.SSE_PLAIN)
        self.wire_format = chunked if request.version >= HttpVersion11 else self._plain
        self.headers[hdrs.CONTENT_TYPE] = self._plain.content_type
        self.headers.update(_HEADERS)
        if lasting or site.draining or not self.wire_format.chunked:
            # Without chunks only the end of the connection ends the body (RFC 9112, section 6.3). With them a proxy
            # would take the connection for fit, and lose a publish that it sends just when a hub that ends closes it.
            self.headers[hdrs.CONNECTION] = "close"
            self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Make the response's head, which goes out with what is written first; bound what the connection may buffer."""
        if self.prepared:  # aiohttp asks again at the end
            return await super(EventSourceResponse, self).prepare(request)
        # What EventSourceResponse.prepare does, but for the ping task: one that is started and cancelled leaves a
        # kilobyte behind for as long as there is the stream.
        self._set_tcp_user_timeout(request)
        writer = await super(EventSourceResponse, self).prepare(request)
        transport = connected(request)
        # drain() then returns when the buffer is empty, not when it has shrunk to a quarter. Not 0: TLS on Python 3.11
        # would take an empty buffer for a full one.
        transport.set_write_buffer_limits(high=1, low=0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)
        return writer

    async def say(self, control: Control) -> int:
        """Write what the hub says before there is a stream, or instead of one; return how many bytes that is.

        Raises:
            ConnectionError: The client is gone.
        """
        data = self._plain.control(control)  # the response adds its own chunks
        await self.write(data)
        return len(chunk(data) if self.wire_format.chunked else data)


def connected(request: web.BaseRequest) -> asyncio.Transport:
    """Return the transport of a request whose response has just been prepared on it."""
    return cast("asyncio.Transport", request.transport)
