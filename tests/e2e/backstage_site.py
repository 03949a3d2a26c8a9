"""A whole hub beside a Backstage, with streams and what plugins send."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals.server import running
from sse_signals.settings import load
from tests.auth.backstage_issuer import JANE, Backstage, backstage
from tests.web.rawhttp import Answer, ask, connection, events, messages, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from sse_signals.server import Running

A, B = "group:default/team-a", "group:default/team-b"
JOE = "user:default/joe"
CATALOG = "catalog:changed"
HEARTBEAT = "signals.heartbeat"
END = b'"message":"end"}\n\n'


class Site:
    """A hub beside a Backstage.

    Attributes:
        source: The Backstage.
        hub: The hub.
    """

    def __init__(self, source: Backstage, hub: Running) -> None:
        self.source = source
        self.hub = hub

    async def ask(self, method: str, path: str, *headers: str, token: str | None = None, body: bytes = b"") -> Answer:
        """Send a request to the hub, and return its answer."""
        shown = [] if token is None else [f"Authorization: Bearer {token}"]
        return await ask(self.hub.url, request(method, f"/signals/{path}", *shown, *headers, body=body))

    async def publish(self, token: str, *signals: dict[str, Any]) -> Answer:
        """Publish a signal, or several in one request."""
        body = json.dumps(signals[0] if len(signals) == 1 else signals).encode()
        return await self.ask("POST", "publish", "Content-Type: application/json", token=token, body=body)

    async def send(self, *refs: str | None) -> None:
        """Let a plugin of Backstage tell each of these, or everyone, its name, and then everyone the end."""
        token = self.source.plugin()
        for ref in refs:
            assert (await self.publish(token, to(ref, ref or "everyone"))).status == 202
        assert (await self.publish(token, to(None, "end"))).status == 202

    async def poll(self, token: str | None, *headers: str) -> Answer:
        """Read what the hub holds."""
        return await self.ask("GET", "stream?poll=1", *headers, token=token)

    @asynccontextmanager
    async def stream(self, token: str | None, *headers: str) -> AsyncIterator[Stream]:
        """Open a stream."""
        async with connection(self.hub.url) as (reader, writer):
            shown = [] if token is None else [f"Authorization: Bearer {token}"]
            writer.write(request("GET", "/signals/stream", *shown, *headers, version="1.0"))
            await reader.readuntil(b"\r\n\r\n")
            yield Stream(reader)

    async def look_again(self) -> None:
        """Let a minute pass, after which the hub looks again what its listeners own."""
        self.source.clock.advance(61)
        security = self.hub.service.site.security
        assert security is not None
        await security.refresh()


class Stream:
    """An open stream."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def next(self) -> tuple[str, Any]:
        """Return the name and data of the next event but heartbeats, which may come at any time."""
        while True:
            (event,) = events(await self._reader.readuntil(b"\n\n"))
            if event.get("event") != HEARTBEAT:
                return event.get("event", "message"), json.loads(event["data"])

    async def opened(self) -> dict[str, Any]:
        """Return the receipt."""
        name, receipt = await self.next()
        assert name == "signals.open"
        return dict(receipt)

    async def until_end(self) -> list[Any]:
        """Return the messages up to the one that says "end"."""
        return messages(await self._reader.readuntil(END))

    async def goodbye(self) -> str:
        """Return why the stream ends, after which nothing more must come."""
        (event,) = (event for event in events(await self._reader.read()) if event.get("event") != HEARTBEAT)
        assert event["event"] == "signals.goodbye"
        return str(json.loads(event["data"])["reason"])


def to(ref: str | list[str] | None, message: Any, channel: str = CATALOG) -> dict[str, Any]:
    """Return the payload of Backstage's own signals service."""
    recipients = {"type": "broadcast"} if ref is None else {"type": "user", "entityRef": ref}
    return {"recipients": recipients, "channel": channel, "message": message}


@asynccontextmanager
async def beside(source: Backstage, **options: Any) -> AsyncIterator[Site]:
    """Run a hub with the settings for a Backstage."""
    environment = {"SIGNALS_AUTH": "backstage", "SIGNALS_BACKSTAGE_URL": source.server.url}
    settings = load(environment, {"port": 0, **options})
    async with running(settings, structlog.get_logger("sse_signals"), clock=source.clock) as hub:
        yield Site(source, hub)


@pytest.fixture(name="source")
async def a_backstage() -> AsyncIterator[Backstage]:
    """A Backstage with two users."""
    async with backstage() as started:
        started.groups = {JANE: [A], JOE: [B]}
        yield started


@pytest.fixture(name="site")
async def a_site(source: Backstage) -> AsyncIterator[Site]:
    """A hub beside it."""
    async with beside(source) as started:
        yield started
