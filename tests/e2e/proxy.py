"""A TCP proxy that breaks connections at a byte of the test's choice."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit, urlunsplit

from tests.e2e.inbox import DEADLINE

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

STREAM = b"/stream"  # what tells the request of a stream from all others


class Proxy:
    """Stands between a client and a hub, on a free port of its own.

    When it has cut a connection it holds new ones, as a network does that is down: they are accepted, and get nowhere
    until it is told to release them.

    Args:
        url: The hub's.
        watched: What tells the requests that are meant from all others.
        tls: How it speaks to clients, if over TLS; the hub never sees any of that.

    Attributes:
        requests: The first bytes of each request that is watched.
        responses: The first bytes of each answer to one of them.
    """

    def __init__(self, url: str, *, watched: bytes = STREAM, tls: ssl.SSLContext | None = None) -> None:
        self._target = urlsplit(url)
        self._watched = watched
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: dict[asyncio.StreamWriter, None] = {}
        self._unanswered: set[asyncio.StreamWriter] = set()
        self._released = asyncio.Event()
        self._released.set()
        self._cut = asyncio.Event()
        self._mark: bytes | None = None
        self.requests: list[bytes] = []
        self.responses: list[bytes] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """The hub's URL, by way of this proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        scheme = "http" if self._tls is None else "https"
        return urlunsplit(self._target._replace(scheme=scheme, netloc=f"127.0.0.1:{port}"))

    def cut_after(self, mark: bytes) -> None:
        """Let what a stream gets from now on pass up to the end of ``mark``, and then cut its connection."""
        self._mark = mark
        self._cut.clear()

    async def was_cut(self) -> None:
        """Wait until the connection is cut."""
        async with asyncio.timeout(DEADLINE):
            await self._cut.wait()

    def drop(self) -> None:
        """Cut the connections of all streams now."""
        self._hold()
        for writer in list(self._streams):
            writer.close()

    def release(self) -> None:
        """Let new connections pass again, those that were held too."""
        self._released.set()

    def _hold(self) -> None:
        self._mark = None
        self._released.clear()
        self._cut.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._released.wait()
            upstream, to_upstream = await asyncio.open_connection(self._target.hostname, self._target.port)
            with closing(to_upstream):
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._forward_requests(reader, to_upstream, writer))
                    both.create_task(self._forward_responses(upstream, writer, to_upstream))
        finally:
            self._streams.pop(writer, None)
            self._unanswered.discard(writer)
            writer.close()

    async def _forward_requests(
        self, reader: asyncio.StreamReader, to_upstream: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                if self._watched in data:
                    self._streams[writer] = None
                    self._unanswered.add(writer)
                    self.requests.append(data)
                to_upstream.write(data)
                await to_upstream.drain()
        to_upstream.close()

    async def _forward_responses(
        self, upstream: asyncio.StreamReader, writer: asyncio.StreamWriter, to_upstream: asyncio.StreamWriter
    ) -> None:
        window = b""  # what came since the mark was set
        with suppress(ConnectionError):
            while data := await upstream.read(65536):
                if writer in self._unanswered:
                    self._unanswered.discard(writer)
                    self.responses.append(data)
                if self._mark is not None and writer in self._streams:
                    window += data
                    found = window.find(self._mark)
                    if found >= 0:
                        writer.write(data[: len(data) - (len(window) - found - len(self._mark))])
                        self._hold()
                        break
                writer.write(data)
                await writer.drain()
        # Closing sends what was written, and then a FIN; the other direction ends with it.
        writer.close()
        to_upstream.close()
