"""The hub that is tried, as its clients have it: streams, publishing, and single requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sse_signals.conformance.connection import Answer, Connection
from sse_signals.conformance.outcome import Failed, require
from sse_signals.conformance.requests import RESUME
from sse_signals.conformance.stream import Stream, id_in

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from sse_signals.conformance.adapter import Adapter, Publish
    from sse_signals.conformance.connection import Head
    from sse_signals.conformance.requests import Requests


class Hub:
    """One hub under test.

    Attributes:
        adapter: Its description.
        requests: Makes its requests.
        patience: Seconds to wait for what should come at once.
        drain_command: What makes it leave; None where nobody knows.
        silence: The longest silence that it promises, in seconds; None for no promise.
    """

    def __init__(
        self,
        adapter: Adapter,
        requests: Requests,
        run: str,
        *,
        patience: float = 5.0,
        context: ssl.SSLContext | None = None,
        drain_command: str | None = None,
    ) -> None:
        """Begin.

        Args:
            adapter: Its description.
            requests: Makes its requests.
            run: What makes the topics of this run its own.
            patience: Seconds to wait for what should come at once.
            context: What TLS needs; None without TLS.
            drain_command: What makes it leave.
        """
        self.adapter = adapter
        self.requests = requests
        self.patience = patience
        self.drain_command = drain_command
        self.silence = adapter.events.silence
        self._run = run
        self._context = context
        self._idle: list[Connection] = []
        self._shared: dict[str, asyncio.Task[Any]] = {}

    def topic(self, name: str) -> str:
        """Return a topic that nobody else uses."""
        return self.adapter.topics.replace("{run}", self._run).replace("{name}", name)

    async def connect(self, *, receive_buffer: int | None = None) -> Connection:
        """Connect."""
        return await Connection.to(self.requests.address, self._context, receive_buffer=receive_buffer)

    @asynccontextmanager
    async def stream(
        self,
        *topics: str,
        after: str = "",
        by_query: bool = False,
        version: str = "1.1",
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        any_status: bool = False,
    ) -> AsyncIterator[Stream]:
        """Open a stream, and close it in the end.

        Args:
            topics: Its topics.
            after: The id to resume after; empty for none.
            by_query: Whether the query tells it, and not the header.
            version: Of HTTP.
            headers: What is sent besides.
            receive_buffer: See `Connection.to`.
            any_status: Whether another status than 200 is of interest, too.
        """
        stream = await self.open(
            *topics,
            after=after,
            by_query=by_query,
            version=version,
            headers=headers,
            receive_buffer=receive_buffer,
            any_status=any_status,
        )
        try:
            yield stream
        finally:
            stream.close()

    async def open(
        self,
        *topics: str,
        after: str = "",
        by_query: bool = False,
        version: str = "1.1",
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        any_status: bool = False,
    ) -> Stream:
        """Open a stream that the caller closes; it is open for good, so that what is published from now on comes.

        Raises:
            Failed: It is refused, or does not begin as it should.
        """
        how = self.adapter.subscribe
        query = f"{how.resume_query}={quote(after, safe='')}" if by_query else ""
        resume = {RESUME: after} if after and not by_query else {}
        request = self.requests.stream(how, topics, version=version, query=query, headers={**resume, **(headers or {})})
        connection = await self.connect(receive_buffer=receive_buffer)
        stream = await self.begin(connection, request, after)
        if stream.head.status != 200 and not any_status:
            stream.close()
            raise Failed(f"a stream is answered with {stream.head.status}")
        return stream

    async def begin(self, connection: Connection, request: bytes | None, after: str = "") -> Stream:
        """Send a stream request, and read as far as the stream is open for good; on errors the connection is closed.

        Args:
            connection: What to send it on.
            request: Its bytes; None where it has been sent.
            after: The id that it resumes after.

        Raises:
            Failed: There is no answer, or it does not begin as it should.
        """
        shape = self.adapter.events
        try:
            async with asyncio.timeout(self.patience):
                if request is not None:
                    await connection.send(request)
                stream = Stream(connection, await connection.head(), shape, self.patience, after, self._run)
            if shape.receipt and stream.head.status == 200:
                await stream.until(lambda: shape.receipt in stream.names, f"the event {shape.receipt}")
        except TimeoutError:
            connection.close()
            raise Failed(f"a stream has no answer within {self.patience:g} s") from None
        except BaseException:
            connection.close()
            raise
        return stream

    async def publish(self, topic: str, message: Any, way: Publish | None = None, event: str = "") -> str:
        """Publish a message; return its id where the answer tells it, or nothing.

        Raises:
            Failed: It is not accepted.
        """
        how = way or self.adapter.publish
        answer = await self.ask(self.requests.publish(how, topic, message, event))
        require(answer.status in how.accepted, f"a publish is answered with {answer.status}")
        return id_in(answer, how.id)

    async def ask(self, request: bytes, *, bodiless: bool = False) -> Answer:
        """Send a request, and return the whole answer.

        Args:
            request: Its bytes.
            bodiless: Whether it is a HEAD.

        Raises:
            Failed: There is no answer.
        """
        try:
            async with asyncio.timeout(self.patience):
                connection = self._taken() or await self.connect()
                try:
                    await connection.send(request)
                    head = await connection.head(bodiless=bodiless)
                    return Answer(head, await connection.body())
                finally:
                    self._keep(connection)
        except TimeoutError:
            raise Failed(f"a request has no answer within {self.patience:g} s") from None

    async def head(self, request: bytes) -> Head:
        """Send a request whose answer may have no end, and return the head of the answer.

        Raises:
            Failed: There is no answer.
        """
        connection = await self.connect()
        try:
            return await self.answered(connection, request)
        finally:
            connection.close()

    async def answered(self, connection: Connection, request: bytes, *, bodiless: bool = False) -> Head:
        """Send a request on a connection of the caller's, and return the head of the answer.

        Args:
            connection: That, which stays open.
            request: Its bytes.
            bodiless: Whether it is a HEAD.

        Raises:
            Failed: There is no answer.
        """
        try:
            async with asyncio.timeout(self.patience):
                await connection.send(request)
                return await connection.head(bodiless=bodiless)
        except TimeoutError:
            raise Failed(f"a request has no answer within {self.patience:g} s") from None

    async def shared(self, name: str, observe: Callable[[Hub], Awaitable[Any]]) -> Any:
        """Return what several cases look at, which is done once for all of them."""
        if name not in self._shared:
            self._shared[name] = asyncio.ensure_future(observe(self))
        return await asyncio.shield(self._shared[name])

    async def close(self) -> None:
        """Let go of everything."""
        for task in self._shared.values():
            task.cancel()
        await asyncio.gather(*self._shared.values(), return_exceptions=True)
        for connection in self._idle:
            connection.close()

    def _taken(self) -> Connection | None:
        """Take a connection that can be used again, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
            connection.close()
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
