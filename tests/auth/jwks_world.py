"""An issuer that publishes keys, and the keys as a hub sees them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import structlog

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwks import Jwks
from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import Clock, signing_key
from tests.auth.issuer_server import JWKS_PATH, Server, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOGGER = structlog.get_logger("test")
ONE, TWO, RSA = signing_key("one"), signing_key("two"), signing_key("rsa", "RS256")


class World:
    """An issuer's server, a clock, and the keys as a hub sees them."""

    def __init__(self, server: Server, fetch: Fetch, **options: Any) -> None:
        self.server = server
        self.clock = Clock()
        self.jwks = Jwks(server.at(), fetch=fetch, clock=self.clock, logger=LOGGER, **options)

    @property
    def requests(self) -> int:
        return self.server.requests[JWKS_PATH]

    async def known(self, kid: str | None = "one", algorithm: str = "ES256") -> bool:
        """Say whether a key is known."""
        try:
            key = await self.jwks.find(kid, algorithm)
        except NotAuthenticated as error:
            if error.cause != "unknown-key":
                raise
            return False
        assert kid in {key.kid, None}
        return True

    async def settled(self) -> None:
        """Wait until no fetch is under way."""
        async with asyncio.timeout(30):
            while self.jwks._task is not None:
                await asyncio.wait([self.jwks._task])


@contextlib.asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[World]:
    fetch = Fetch(LOGGER)
    async with serving() as server:
        server.publish(ONE, RSA)
        world = World(server, fetch, **options)
        try:
            yield world
        finally:
            await world.jwks.close()
            await fetch.close()
