"""``GET {prefix}/stream``: an open response, from its receipt to its proper end."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from sse_signals.errors import BrokerUnavailable, IssuerUnavailable, TooMany
from sse_signals.hub.stream import Stream
from sse_signals.retry import GOODBYE, spread
from sse_signals.web.counting import count_limit
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.entry import enter, reason_of
from sse_signals.web.problems import unavailable
from sse_signals.web.query import stream_query
from sse_signals.web.response import SignalsResponse, connected
from sse_signals.web.stream_log import StreamRefusals, tell_closed, tell_opened
from sse_signals.wire import controls

if TYPE_CHECKING:
    from sse_signals.hub.sweep import Sweep
    from sse_signals.web.entry import Entry
    from sse_signals.web.query import StreamQuery
    from sse_signals.web.site import Site


class Connection:
    """One stream and its response, for as long as its request is handled."""

    __slots__ = (
        *("_entry", "_query", "_recovered", "_request", "_site", "_sweep", "_waiter"),
        *("opened", "response", "stream"),
    )

    def __init__(
        self,
        site: Site,
        sweep: Sweep,
        request: web.BaseRequest,
        response: SignalsResponse,
        query: StreamQuery,
        entry: Entry,
    ) -> None:
        self._site = site
        self._sweep = sweep
        self._request = request
        self._recovered: bool | None = None
        self._query = query
        self._entry = entry
        self._waiter: asyncio.Future[None] | None = None
        self.response = response
        self.opened = asyncio.get_running_loop().time()
        self.stream = Stream(
            name=entry.name,
            asked=query.filters,
            filters=entry.filters,
            identity=entry.identity,
            wire_format=response.wire_format,
            transport=connected(request),
            notify=self._wake,
            remote=entry.address,
            opened_ms=site.clock(),
        )

    async def open(self) -> None:
        """Take a place in the log and write the receipt, in one tick.

        Raises:
            ConnectionError: The client is gone.
        """
        site, stream, query = self._site, self.stream, self._query
        node = site.service.node
        site.ledger.open()
        how = node.open(stream, query.start, self._entry.found, poll=query.poll)
        self._recovered = how.recovered
        receipt = controls.receipt(
            stream=stream.name,
            identity=stream.identity,
            filters=stream.filters,
            heartbeat=site.heartbeat,
            recovered=how.recovered,
            event_id=how.event_id,
            retry_ms=spread(site.reconnect, random.random()),  # noqa: S311 - not a secret
            time_ms=site.clock(),
        )
        self._sweep.add(stream)
        if site.security is not None:
            site.security.lives.add(stream)
        tell_opened(site, stream, self._request)
        stream.size += await self.response.say(receipt)
        node.turnstile.enter(stream)

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
            await self._request.writer.drain()
            self._site.service.node.turnstile.enter(stream)

    def close(self) -> None:
        """Let everything go that knows of the stream, and say how it went."""
        stream = self.stream
        self._sweep.remove(stream)
        if not len(self._sweep):
            self._site.departure.emptied()
        self._site.service.node.hub.close(stream)
        if self._site.security is not None:
            self._site.security.lives.remove(stream)
        self._entry.place.close()
        self._site.ledger.close(stream, self._site.clock())
        seconds = asyncio.get_running_loop().time() - self.opened
        tell_closed(self._site, stream, self._request, self._query, recovered=self._recovered, seconds=seconds)

    async def forget(self) -> None:
        """Let go of what other nodes know of the stream, if anything."""
        tickets = self._site.tickets
        if self._entry.has_session and tickets is not None:
            with suppress(BrokerUnavailable):  # it ends by itself
                await asyncio.shield(asyncio.ensure_future(tickets.sessions.forget(self.stream.name)))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Streaming:
    """The handler of stream requests."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._refusals = StreamRefusals(site)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer with a stream, or say why not.

        A native EventSource gives up for good on any status but 200: a bad moment is told on a stream that then ends.
        """
        try:
            opened = await self._open(request)
        except Exception as error:
            if _gone(request):
                return web.Response()  # nobody is left to read it
            request.writer.send_headers()
            if request.writer.output_size:
                raise  # the response has begun: no other can be sent, only the connection closed
            return self._site.answer(request, error)
        if not isinstance(opened, Connection):
            return opened
        try:
            await opened.open()
            await opened.run()
        except ConnectionError:
            opened.stream.end("client-gone")
        except Exception:
            request.writer.send_headers()  # the response has begun, even if nothing of it was sent
            raise
        finally:
            opened.close()
            await opened.forget()
        return opened.response

    async def _open(self, request: web.Request) -> web.StreamResponse | Connection:
        site = self._site
        site.admit(request)
        site.check_origin(request)
        refuse_tokens_in_url(request.query)
        query = stream_query(request, site.clock())
        if not self._busy(query):  # who is sent away need not wait for it
            await site.gate.enter()
        if busy := self._busy(query):
            return await self._turn_away(request, query, busy)
        try:
            entry = await enter(site, request, query)
        except (TooMany, IssuerUnavailable, BrokerUnavailable) as error:
            if query.poll or query.ndjson:
                site.ledger.refuse(reason_of(error))
                raise
            return await self._turn_away(request, query, reason_of(error), error.retry_after)
        try:
            return await self._begin(request, query, entry)
        except BaseException:
            entry.place.close()
            raise

    async def _begin(self, request: web.Request, query: StreamQuery, entry: Entry) -> web.StreamResponse | Connection:
        site = self._site
        response = SignalsResponse(request, site, ndjson=query.ndjson, lasting=not query.poll)
        for cookie in entry.cookies:
            response.headers.add(hdrs.SET_COOKIE, cookie)
        if (query.poll or query.ndjson) and (busy := self._busy(query)):
            return await self._turn_away(request, query, busy)
        await response.prepare(request)
        # It may have become so meanwhile; from here on nothing can come between.
        sweep, refused = site.sweep, self._busy(query) or site.no_longer(entry.identity)
        if refused or sweep is None:
            entry.place.close()
            await self._goodbye(request, response, refused or "starting")
            return response
        return Connection(site, sweep, request, response, query, entry)

    def _busy(self, query: StreamQuery) -> str | None:
        return self._site.shut if query.poll else self._site.busy

    async def _turn_away(
        self, request: web.Request, query: StreamQuery, reason: str, retry_after: float = 0.0
    ) -> web.StreamResponse:
        """Tell a client that comes at a bad moment when to come back, in a way that it understands."""
        if query.poll or query.ndjson:
            self._refused(request, reason)
            raise unavailable(reason)
        response = SignalsResponse(request, self._site, ndjson=False)
        await response.prepare(request)
        await self._goodbye(request, response, reason, retry_after)
        return response

    async def _goodbye(
        self, request: web.Request, response: SignalsResponse, reason: str, retry_after: float = 0.0
    ) -> None:
        self._refused(request, reason)
        retry_ms = spread(GOODBYE, random.random()) + round(retry_after * 1000)  # noqa: S311 - not a secret
        await response.say(controls.goodbye(reason, retry_ms, self._site.clock()))

    def _refused(self, request: web.Request, reason: str) -> None:
        self._site.ledger.refuse(reason)
        count_limit(self._site, reason)
        self._refusals.tell(request, reason)


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()
