"""Listening to the end: all that a stream is told, and whether its response ends as it should."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.authenticated import ADMIN, PUBLISHER, bearing
from tests.web.rawhttp import connection, events, parse, request

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from sse_signals.hub.stream import Stream
    from tests.authenticated import House

JSON = "Content-Type: application/json"
LINES = "Accept: application/x-ndjson"


@dataclass
class Told:
    """What came on a stream: the head of the response, and the name and data of each event, control events too."""

    head: str
    said: list[tuple[str, Any]]

    @property
    def names(self) -> list[str]:
        """The names of the hub's own events."""
        return [name for name, _ in self.said if name.startswith("signals.")]

    @property
    def reason(self) -> str:
        """Why it ended."""
        name, data = self.said[-1]
        assert name == "signals.goodbye"
        return str(data["reason"])

    @property
    def messages(self) -> list[Any]:
        """The messages of what others published."""
        return [data for name, data in self.said if not name]


def told(data: bytes) -> Told:
    """Read a whole response; a body in chunks has to end with the last of them."""
    answer, rest = parse(data)
    assert (answer.status, rest) == (200, b"")
    head = data.partition(b"\r\n\r\n")[0].decode()
    if "x-ndjson" not in head:
        found = [(each.get("event", ""), json.loads(each["data"])) for each in events(answer.body) if "data" in each]
        return Told(head, [(name, data if name else data["message"]) for name, data in found])
    assert answer.body.endswith(b"\n")
    lines = [json.loads(line) for line in answer.body.splitlines()]
    return Told(head, [(line.get("event", ""), line["message"]) for line in lines])


@dataclass
class Reading:
    """A response that is being read."""

    reader: asyncio.StreamReader
    text: bytes

    async def until(self, mark: bytes) -> None:
        """Read until something came."""
        while mark not in self.text:
            data = await self.reader.read(2**16)
            assert data, "it ended"
            self.text += data

    async def rest(self) -> Told:
        """Read to the end."""
        return told(self.text + await self.reader.read())


@asynccontextmanager
async def listening(
    hub: House, token: str | None, query: str = "", *headers: str, lines: bool = False, version: str = "1.1"
) -> AsyncIterator[tuple[str, Reading]]:
    """Open a stream, and give its name and what reads it."""
    async with connection(hub.url) as (reader, writer):
        accept = [LINES] if lines else []
        target = query if query.startswith("/") else f"/signals/stream{query}"
        writer.write(request("GET", target, *bearing(token), *accept, *headers, version=version))
        start = await reader.readuntil(b'"heartbeat"')
        name = start.partition(b'"stream":"')[2].partition(b'"')[0].decode()
        yield name, Reading(reader, start)


def streams_of(hub: House) -> list[Stream]:
    """Return the open streams of a hub."""
    security = hub.service.site.security
    assert security is not None
    return list(security.lives.streams)


async def revoke(hub: House, **what: str) -> None:
    """Revoke a subject, a token or a stream."""
    admin = hub.tokens.issue("root", grants=ADMIN)
    answer = await hub.ask("POST", "revocations", JSON, token=admin, body=json.dumps(what).encode())
    assert answer.status == 202


async def publish(hub: House, *signals: dict[str, Any]) -> None:
    """Publish with every right to."""
    token = hub.tokens.issue("backend", grants=PUBLISHER, seconds=None)
    assert (await hub.publish(token, *signals)).status == 202


async def ticket(hub: House, token: str) -> str:
    """Get a ticket, and return the path that it opens."""
    answer = await hub.ask("POST", "tickets", token=token)
    assert answer.status == 200
    return str(answer.json["url"])


def below(path: str) -> str:
    """Return a path without the hub's prefix."""
    return path.removeprefix("/signals/")


def cookie_of(answer: Told) -> str:
    """Return the cookie that a stream's response set."""
    return answer.head.partition("Set-Cookie: ")[2].partition(";")[0]
