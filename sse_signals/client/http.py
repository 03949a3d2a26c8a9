"""Requests of asynchronous programs: one kept session for each event loop, on aiohttp."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from sse_signals.client.answers import MAX_ANSWER, Answer
from sse_signals.client.publishing import CLOSED, Failed
from sse_signals.client.requests import AT_ONCE, CONNECT, KEEP
from sse_signals.client.tls_words import told as tls_told

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from types import SimpleNamespace

    from sse_signals.client.requests import Request

_TOLD: Final = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientConnectorDNSError, "its host is not known"),
    (aiohttp.ClientPayloadError, "the connection broke in the middle of an answer"),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer"),
    ((aiohttp.ClientConnectionError, OSError), "the connection broke"),
)
_CLOSE: Final = 1.0  # seconds that closing may take, whatever the network does


class Link:
    """Connections to a hub, in one event loop.

    It follows no redirect, keeps no cookie, and takes no proxy or credentials from the environment.

    Attributes:
        asking: Held by whoever asks for a token.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._closing = asyncio.Event()
        self._life = self._live()
        self.asking = asyncio.Lock()
        with suppress(StopIteration):
            self._life.__anext__().send(None)  # it has nothing to wait for; its loop ends it, if nobody else does

    async def ask(self, request: Request, seconds: float) -> Answer | Failed:
        """Send a request, and return its whole answer, or why there is none within so many seconds."""
        sent: list[bool] = []  # once something is
        try:
            async with asyncio.timeout(seconds), self._slots:
                if self._closing.is_set():
                    return CLOSED
                async with self._begin(request, sent) as response:
                    return await read(response)
        except TimeoutError:
            return Failed(f"no answer within {seconds:.3g} s", sent=bool(sent))
        except (aiohttp.ClientError, OSError) as error:
            return Failed(told(error), sent=bool(sent), final=final(error))

    async def open(self, request: Request, seconds: float) -> aiohttp.ClientResponse:
        """Send a request, and return its answer as far as its head; whoever reads it closes it.

        Raises:
            TimeoutError: There is none in time.
            aiohttp.ClientError: The connection failed.
            OSError: It failed in another way.
        """
        async with asyncio.timeout(seconds):
            return await self._begin(request)

    async def pause(self, seconds: float) -> None:
        """Wait, but no longer than the connections are there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    async def close(self) -> None:
        """Close all connections; what is under way fails."""
        self._closing.set()
        await self._life.aclose()

    async def _live(self) -> AsyncGenerator[None, None]:
        """Close all connections at the end; an event loop sees to the end of its asynchronous generators."""
        try:
            yield
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE):
                    await self._session.close()

    def _begin(self, request: Request, sent: list[bool] | None = None) -> aiohttp.client._RequestContextManager:
        return self._session.request(
            request.method,
            URL(request.url, encoded=True),
            headers=request.headers,
            data=request.body or None,
            allow_redirects=False,
            trace_request_ctx=sent,
        )


def new_link(tls: ssl.SSLContext | None = None) -> Link:
    """Return connections for the running event loop; nothing is connected yet.

    Args:
        tls: How certificates are verified; None as usual.
    """
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_sent)
    return Link(
        aiohttp.ClientSession(
            trace_configs=[tracing],
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP, ssl=True if tls is None else tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
            trust_env=False,
        )
    )


async def _sent(_: aiohttp.ClientSession, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
    """Note that a request is being sent, for whoever wants to know."""
    if context.trace_request_ctx is not None:
        context.trace_request_ctx.append(True)


async def read(response: aiohttp.ClientResponse) -> Answer:
    """Return an answer with its body, or with as much of it as an answer may have."""
    body = b""
    while len(body) <= MAX_ANSWER and (piece := await response.content.readany()):
        body += piece
    if len(body) > MAX_ANSWER:
        response.close()
    return Answer(response.status, response.headers, body)


def final(error: Exception) -> bool:
    """Say whether another try will fail in the same way: no certificate becomes valid by that."""
    return isinstance(error, aiohttp.ClientConnectorCertificateError)


def told(error: Exception) -> str:
    """Return why a request failed; the errors' own texts may hold what was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = error.certificate_error
        return f"its certificate is not valid ({getattr(why, 'verify_message', why)})"
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ssl.SSLError):
        return tls_told(error.os_error)
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientConnectorDNSError):
        return (os.strerror(error.errno) if error.errno else error.strerror) or "no connection"
    kinds = (text for kind, text in _TOLD if isinstance(error, kind))
    return next(kinds, f"the answer is no HTTP ({type(error).__name__})")
