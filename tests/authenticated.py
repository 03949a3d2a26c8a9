"""A hub on which people have to authenticate, with tokens that a test makes up and a clock that it moves."""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web

from sse_signals import (
    Authentication,
    EventBroker,
    Grants,
    HistoryLimits,
    Identity,
    NotAuthenticated,
    NotRecognised,
    PublishGrant,
    SignalsService,
)
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.topics import EVERYTHING
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from sse_signals import Credentials
    from tests.web.rawhttp import Answer

PUBLISHER = Grants(publish=(PublishGrant(EVERYTHING),))
ADMIN = Grants(publish=(PublishGrant(EVERYTHING),), admin=True)
NO_GRANTS = Grants()
A, B = "group:default/a", "group:default/b"
SEEN = b'"message":"end"'  # in the last event that a test waits for


class WallClock:
    """A wall clock that runs, and that a test can move forward."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        """Return milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead_ms += round(seconds * 1000)


@dataclass
class Tokens:
    """An authenticator that knows the tokens that a test has issued, and how often it was asked."""

    clock: WallClock
    known: dict[str, Identity] = field(default_factory=dict)
    owned: dict[str, frozenset[str]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    asked: int = 0

    def issue(
        self,
        subject: str,
        *owns: str,
        grants: Grants = NO_GRANTS,
        seconds: float | None = 3600.0,
        token_id: str | None = None,
    ) -> str:
        """Make a token, and return it."""
        token = f"token-{len(self.known)}-of-a-test"
        now_ms = self.clock()
        self.known[token] = Identity(
            subject,
            frozenset(owns),
            grants=grants,
            expires_ms=None if seconds is None else now_ms + round(seconds * 1000),
            issued_ms=now_ms,
            token_id=token_id or f"id-of-{token}",
            issuer="test",
        )
        return token

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Say who shows a token."""
        self.asked += 1
        if not credentials.token.startswith("token-"):
            raise NotRecognised("unknown-token", "It is none of the test's.", hint="Issue it.")
        identity = self.known.get(credentials.token)
        if identity is None:
            raise NotAuthenticated("unknown-key", "It was not issued.", hint="Issue it.")
        return identity

    async def refresh(self, identity: Identity) -> Identity:
        """Say what somebody owns today, as the test has set it."""
        if identity.subject in self.withdrawn:
            raise NotAuthenticated("ownership-refused", "The issuer does not know them any more.", hint="None.")
        owns = self.owned.get(identity.subject or "")
        return identity if owns is None else replace(identity, owns=owns)


@dataclass
class House:
    """A hub with a door that not everybody may pass.

    Attributes:
        url: Where it is, with the prefix of its routes.
        service: The hub.
        tokens: Who may pass.
        clock: Its wall clock.
    """

    url: str
    service: SignalsService
    tokens: Tokens
    clock: WallClock

    async def ask(self, method: str, path: str, *headers: str, token: str | None = None, body: bytes = b"") -> Answer:
        """Send a request below the prefix, and return its answer."""
        return await ask(self.url, request(method, f"/signals/{path}", *bearing(token), *headers, body=body))

    async def publish(self, token: str | None, *signals: dict[str, Any], query: str = "") -> Answer:
        """Publish a signal, or several in one request."""
        body = json.dumps(signals[0] if len(signals) == 1 else signals).encode()
        return await self.ask("POST", f"publish{query}", "Content-Type: application/json", token=token, body=body)

    async def poll(self, token: str | None, query: str = "", *headers: str) -> Answer:
        """Read what the hub holds."""
        return await self.ask("GET", f"stream?poll=1{query}", *headers, token=token)

    @asynccontextmanager
    async def stream(
        self, token: str | None, query: str = "", *headers: str
    ) -> AsyncIterator[tuple[asyncio.StreamReader, dict[str, Any]]]:
        """Open a stream, and give its reader and the data of its receipt."""
        async with connection(self.url) as (reader, writer):
            writer.write(request("GET", f"/signals/stream{query}", *bearing(token), *headers, version="1.0"))
            receipt = await reader.readuntil(b"event: signals.open\n") and await reader.readuntil(b"\n\n")
            yield reader, json.loads(receipt.partition(b"data: ")[2])


def signal(message: Any, topic: str = "t", targets: list[str] | None = None) -> dict[str, Any]:
    """Return a signal."""
    return {"topic": topic, "message": message} | ({} if targets is None else {"targetOwnershipEntityRefs": targets})


def bearing(token: str | None) -> list[str]:
    """Return the header that shows a token."""
    return [] if token is None else [f"Authorization: Bearer {token}"]


@asynccontextmanager
async def house(
    *,
    log: MemoryBroker | None = None,
    state: MemoryState | None = None,
    event_broker: EventBroker | None = None,
    clock: WallClock | None = None,
    tokens: Tokens | None = None,
    anonymous: bool = False,
    authentication: dict[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[House]:
    """Run a hub in somebody's application; several on one log and state are a cluster."""
    clock = clock or WallClock()
    tokens = tokens or Tokens(clock)
    app = web.Application()
    service = SignalsService.create(
        app,
        event_broker=event_broker
        or EventBroker(
            log or MemoryBroker(clock=clock),
            history=HistoryLimits(),
            logger=structlog.get_logger("sse_signals"),
            clock=clock,
            state=MemoryState(clock=clock) if state is None else state,
        ),
        authentication=Authentication([tokens], anonymous=anonymous, **(authentication or {})),
        **options,
    )
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=2.0, lingering_time=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield House(f"http://127.0.0.1:{runner.addresses[0][1]}/signals", service, tokens, clock)
    finally:
        await runner.cleanup()
