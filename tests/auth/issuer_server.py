"""The server of an issuer to test with: it publishes keys, and anything else that is put in ``answers``."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.auth.issuer import SigningKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]

JWKS_PATH = "/jwks.json"


@dataclass
class Answer:
    """What the server answers.

    Attributes:
        body: JSON, or bytes as they are.
        status: The HTTP status.
        headers: Headers besides.
        wait: What to wait for before answering at all.
        chunked: Whether the length is not said beforehand.
    """

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: asyncio.Event | None = None
    chunked: bool = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if self.wait is not None:
            await self.wait.wait()
        data = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        response = web.StreamResponse(status=self.status, headers={"Content-Type": "application/json", **self.headers})
        if self.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(data)
        with contextlib.suppress(ConnectionError):  # whoever asked has read enough
            await response.prepare(request)
            for start in range(0, len(data), 65_536):
                await response.write(data[start : start + 65_536])
            await response.write_eof()
        return response


class Server:
    """The issuer's server. Set ``answers`` as they should be; it counts who asks for what.

    Attributes:
        answers: By path, what is answered.
        requests: By path, how often it was asked for.
        seen: The headers of each request.
        asked: Set whenever a request comes.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answering] = {}
        self.requests: Counter[str] = Counter()
        self.seen: list[Mapping[str, str]] = []
        self.asked = asyncio.Event()
        self.url = ""

    def publish(self, *keys: SigningKey | dict[str, Any], path: str = JWKS_PATH) -> None:
        """Let these, and no others, be the keys that are published."""
        jwks = [key.jwk() if isinstance(key, SigningKey) else key for key in keys]
        self.answers[path] = Answer({"keys": jwks})

    def hang(self, path: str = JWKS_PATH) -> Callable[[], None]:
        """Answer nothing at a path until the function that is returned is called; then what was answered before."""
        before = self.answers[path]
        release = asyncio.Event()

        async def waiting(request: web.Request) -> web.StreamResponse:
            await release.wait()
            return await before(request)

        self.answers[path] = waiting
        return release.set

    def at(self, path: str = JWKS_PATH) -> str:
        """Return the URL of a path."""
        return self.url + path

    async def until_asked(self, times: int, path: str = JWKS_PATH) -> None:
        """Wait until a path was asked for so many times."""
        async with asyncio.timeout(30):
            while self.requests[path] < times:
                self.asked.clear()
                await self.asked.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        self.requests[request.path] += 1
        self.seen.append(request.headers)
        self.asked.set()
        answering = self.answers.get(request.path)
        return web.Response(status=404) if answering is None else await answering(request)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Run a server on a free port of this machine."""
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
