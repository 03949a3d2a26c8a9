"""A client that reads streams and writes down what it got: a small reader of Server-Sent Events of its own."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tests.faults.observed import Block, Client, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

CONTROL: Final = "signals."
CONNECT: Final = 2.0  # seconds to reach a node before the next one is tried
SILENCE: Final = 20.0  # seconds without a byte after which a stream is given up; heartbeats are a second apart
RETRY: Final = 0.2  # seconds to wait before a hub has said anything about it


class Fields:
    """Puts the lines of a stream together to blocks."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, str] = {}
        self.retry: float | None = None

    def feed(self, data: bytes) -> list[dict[str, str]]:
        """Take bytes; return the fields of all blocks that are complete now. A comment alone is no block."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        blocks = []
        for line in lines:
            name, _, value = line.decode().partition(":")
            value = value.removeprefix(" ")
            if not line and self._fields:
                blocks.append(self._fields)
                self._fields = {}
            elif name == "retry":
                self.retry = int(value) / 1000
            elif name == "data" and "data" in self._fields:
                self._fields["data"] += "\n" + value
            elif name:
                self._fields[name] = value
        return blocks


def block_of(fields: dict[str, str], time: float) -> Block:
    """Return a block as the checker takes it; the content of an event is the member ``content`` of its message."""
    data: Any = json.loads(fields.get("data", "{}"))
    name, event_id = fields.get("event", ""), fields.get("id")
    if not name.startswith(CONTROL):
        return Block("event", time, event_id, str(data["message"]["content"]))
    kind = name.removeprefix(CONTROL)
    return Block(kind, time, event_id, "", data.get("from"), data.get("reason", ""))


class Reader:
    """One logical reader, on any of several nodes, one after the other.

    Args:
        http: What it connects with.
        urls: Returns where nodes are at the moment; those that are down may be among them.
        name: Its name.
        topics: What it asks for; nothing is everything.
        owns: The entity refs it owns.
        token: What it shows to the hub.
        number: With which node it begins.
        patience: The share of the delay in ``retry:`` that it waits.
        silence: Seconds without a byte after which it gives a stream up.
        connect: Seconds in which a connection has to be there.

    Attributes:
        client: What it has seen, for the checker.
        last_id: The id that it would resume from.
        goodbyes: The reasons of those that it was told.
        delay: Seconds that it has waited last before it came back.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        urls: Callable[[], Sequence[str]],
        name: str,
        *,
        topics: Sequence[str] = (),
        owns: frozenset[str] = frozenset(),
        token: str = "",
        number: int = 0,
        patience: float = 0.05,
        silence: float = SILENCE,
        connect: float = CONNECT,
    ) -> None:
        self.client = Client(name, tuple(topics) or ("*",), owns)
        self.last_id: str | None = None
        self.goodbyes: list[str] = []
        self.delay = RETRY
        self._http = http
        self._urls = urls
        self._topics = topics
        self._token = token
        self._turn = count(number)
        self._patience = patience
        self._silence = silence
        self._connect = connect
        self._seen: set[str] = set()
        self._news = asyncio.Event()

    @property
    def blocks(self) -> list[Block]:
        """All blocks of all sessions."""
        return [block for session in self.client.sessions for block in session.blocks]

    def has(self, content: str) -> bool:
        """Say whether it has received a signal."""
        return content in self._seen

    def gap_since(self, time: float) -> bool:
        """Say whether it was told of a gap after a time: what was published then may be in it."""
        return any(block.kind == "gap" and block.time >= time for block in self.client.sessions[-1].blocks)

    async def until(self, true: Callable[[], object], seconds: float = 30.0) -> None:
        """Wait until something is true; it is asked again after each block.

        Raises:
            TimeoutError: It is not.
        """
        async with asyncio.timeout(seconds):
            while not true():
                await self._news.wait()

    async def run(self) -> None:
        """Read for ever."""
        while True:
            urls = self._urls()
            fields = Fields()
            # aiohttp raises its own errors, and those of the system where it has none.
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._read(urls[next(self._turn) % len(urls)], fields)
            self.delay = RETRY if fields.retry is None else fields.retry * self._patience
            await asyncio.sleep(self.delay)

    async def _read(self, url: str, fields: Fields) -> None:
        headers = {"Authorization": f"Bearer {self._token}"}
        if self.last_id is not None:
            headers["Last-Event-ID"] = self.last_id
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._connect, sock_read=self._silence)
        query = [("topic", topic) for topic in self._topics]
        resume = self.last_id
        async with self._http.get(f"{url}/stream", params=query, headers=headers, timeout=timeout) as response:
            response.raise_for_status()
            session = Session(url, resume, monotonic())
            self.client.sessions.append(session)
            async for fields_of_one in _blocks(response, fields):
                self._take(session, block_of(fields_of_one, monotonic()))

    def _take(self, session: Session, block: Block) -> None:
        session.blocks.append(block)
        if block.id is not None:
            self.last_id = block.id
        if block.kind == "event":
            self._seen.add(block.content)
        if block.kind == "goodbye":
            self.goodbyes.append(block.reason)
        news, self._news = self._news, asyncio.Event()
        news.set()


async def _blocks(response: aiohttp.ClientResponse, fields: Fields) -> AsyncIterator[dict[str, str]]:
    async for data in response.content.iter_any():
        for block in fields.feed(data):
            yield block
