"""Clients before a proxy: readers that note what a browser would die of, readers over HTTP/2, and browsers' own."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from tests.e2e.browser import CLOSED
from tests.e2e.inbox import Inbox
from tests.faults.observed import Client, Session
from tests.faults.reader import Reader, block_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.observed import Block
    from tests.faults.reader import Fields

_CURL: Final = ("curl", "-sNik", "--http2", "--noproxy", "*", "-H", "Accept: text/event-stream")


class Careful(Reader):
    """A reader that notes each answer but 200, and each stream that was cut and did not end properly.

    Attributes:
        troubles: Statuses, and the names of errors.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.troubles: list[str] = []
        self._retry: float | None = None

    async def _read(self, url: str, fields: Fields) -> None:
        fields.retry = self._retry  # a browser remembers it over a connection that failed
        try:
            await super()._read(url, fields)
        except aiohttp.ClientResponseError as error:
            self.note(str(error.status))
            raise
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self.note(type(error).__name__)
            raise
        finally:
            self._retry = fields.retry

    def note(self, trouble: str) -> None:
        """Note a trouble."""
        self.troubles.append(trouble)


class Curl(Careful):
    """The same over HTTP/2, each stream on a connection of its own."""

    async def _read(self, url: str, fields: Fields) -> None:
        resume = self.last_id
        header = () if resume is None else ("-H", f"Last-Event-ID: {resume}")
        query = "&".join(f"topic={topic}" for topic in self._topics)
        words = (*_CURL, *header, f"{url}/stream?{query}")
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        try:
            head = await process.stdout.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/2 200"):
                return self.note(head[:10].decode())
            session = Session(url, resume, monotonic())
            self.client.sessions.append(session)
            while data := await process.stdout.read(2**16):
                for one in fields.feed(data):
                    self._take(session, block_of(one, monotonic()))
            if await process.wait():
                self.note(f"curl ended with {process.returncode}")
        except asyncio.IncompleteReadError:
            self.note("no answer")
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


class Native(Inbox):
    """What a browser's own EventSource dispatches.

    Attributes:
        client: What it has seen, for the checker.
        dead: Whether it has given up for good.
    """

    def __init__(self, name: str, topics: Sequence[str]) -> None:
        super().__init__()
        self.client = Client(name, tuple(topics))
        self.dead = False
        self._last: str | None = None

    def put(self, name: str, event_id: str, data: str) -> None:
        """Take an event as the browser dispatched it."""
        super().put(name, event_id, data)
        if name == CLOSED:
            self.dead = True
            return
        fields = {"event": "" if name == "message" else name, "data": data}
        if name != "signals.goodbye":  # which has no id, but a browser tells the last one there was
            fields["id"] = event_id
        block = block_of(fields, monotonic())
        if block.kind == "open" or ended(self.client.sessions):
            self.client.sessions.append(Session("", self._last, monotonic()))
        self.client.sessions[-1].blocks.append(block)
        self._last = block.id or self._last


def ended(sessions: Sequence[Session]) -> bool:
    """Say whether there is no session that goes on."""
    return not sessions or not sessions[-1].blocks or sessions[-1].blocks[-1].kind == "goodbye"


def without_a_hub(client: Client) -> Iterator[float]:
    """Yield the seconds from the end of each stream of a client to the beginning of the next that was live."""
    live = [session for session in client.sessions if _first(session, "open") is not None]
    for before, after in pairwise(live):
        yield after.opened - before.blocks[-1].time


def turned_away(client: Client) -> int:
    """Return how often a client was sent on at the door, by a goodbye that was all it got."""
    return sum(bool(session.blocks) and _first(session, "open") is None for session in client.sessions)


def _first(session: Session, kind: str) -> Block | None:
    return next((block for block in session.blocks if block.kind == kind), None)
