"""A crowd before a proxy: many streams of several kinds of clients, and publishers that never rest."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.e2e.browser import launched, tab
from tests.faults.clients import Careful, Curl, Native, ended
from tests.faults.publisher import PAUSE, Publisher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import aiohttp

    from tests.faults.observed import Client

TOPICS: Final = 200  # each stream asks for one of them; broadcasts reach all
BROADCAST: Final = 250  # of so many signals, one is a broadcast
PUBLISHERS: Final = 4
TOGETHER: Final = 50  # streams that are opened at once at the beginning: the laboratory has little time
TRIES: Final = 3  # as the documentation has it: again, with the same key, after the time that the answer says
SILENCE: Final = 60.0  # seconds without a byte after which a stream is given up: four heartbeats
PATIENCE: Final = 60.0  # seconds that everybody gets to open, to come back, and to receive the last signal


@dataclass(frozen=True)
class Size:
    """How much there is of everything.

    Attributes:
        streams: Streams of clients that resume.
        curls: How many of them are over HTTP/2.
        browsers: EventSources of one page of Chromium.
        rate: Signals a second.
        delay: Seconds for which a node that drains only is not ready.
        window: Seconds over which it sends its streams away.
        before: Seconds of calm before and after.
        patience: The share of the delay in ``retry:`` that clients wait; browsers wait all of it.
    """

    streams: int = 1000
    curls: int = 50
    browsers: int = 5
    rate: float = 50.0
    delay: float = 5.0
    window: float = 20.0
    before: float = 3.0
    patience: float = 1.0


class Crowd:
    """Streams and publishers before a proxy."""

    def __init__(self, url: str, http: aiohttp.ClientSession, size: Size) -> None:
        self._urls = [url]
        self._http = http
        self._size = size
        self._tasks: list[asyncio.Task[None]] = []
        self._publishing: list[asyncio.Task[None]] = []
        self._rests = False
        self.readers: list[Careful] = []
        self.natives: list[Native] = []
        self.publishers = [Publisher(http, lambda: self._urls, f"p{number}", tries=TRIES, pause=_pause)
                           for number in range(PUBLISHERS)]  # fmt: skip

    @property
    def clients(self) -> list[Client]:
        """All of them, for the checker."""
        return [*(each.client for each in self.readers), *(each.client for each in self.natives)]

    async def open(self, stack: AsyncExitStack) -> None:
        """Open all streams."""
        size = self._size
        for number in range(size.streams):
            kind = Curl if number < size.curls else Careful
            reader = kind(self._http, lambda: self._urls, f"reader {number}", topics=(topic(number),),
                          patience=size.patience, silence=SILENCE, connect=SILENCE)  # fmt: skip
            self.readers.append(reader)
            self._tasks.append(asyncio.create_task(reader.run()))
            if number % TOGETHER == 0:
                await self.all_live()
        context = await (await stack.enter_async_context(launched())).new_context(ignore_https_errors=True)
        page = await stack.enter_async_context(tab(context, f"{self._urls[0]}/health/live"))
        for number in range(size.browsers):
            native = Native(f"EventSource {number}", [topic(number)])
            self.natives.append(native)
            await page.listen(f"{self._urls[0]}/stream?topic={topic(number)}", native)
        await self.all_live()

    def publish(self) -> None:
        """Have publishers begin."""
        self._publishing = [asyncio.create_task(self._publish(number)) for number in range(PUBLISHERS)]

    async def rest(self) -> None:
        """Have publishers end, each after the signal that it is at, and wait until all streams have all there is."""
        self._rests = True
        await asyncio.gather(*self._publishing)
        last = (await self.publishers[0].publish(None)).content
        everybody = self.clients
        await until(lambda: all(_has(client, last) for client in everybody), "all have the last signal")

    async def _publish(self, first: int) -> None:
        due = monotonic()
        for number in range(first, 1 << 40, PUBLISHERS):
            if self._rests:
                return
            await self.publishers[first].publish(topic(number) if number % BROADCAST else None)
            due += PUBLISHERS / self._size.rate
            await asyncio.sleep(max(0.0, due - monotonic()))

    async def all_live(self) -> None:
        """Wait until every stream is open, and not about to end."""
        await until(lambda: not any(ended(client.sessions) for client in self.clients), "all streams are live")

    async def close(self) -> None:
        """End everybody."""
        tasks = [*self._tasks, *self._publishing]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def topic(number: int) -> str:
    """Return one of the topics."""
    return f"orders/{number % TOPICS}"


@asynccontextmanager
async def at_work(url: str, http: aiohttp.ClientSession, size: Size) -> AsyncIterator[Crowd]:
    """Have a crowd whose streams are all open.

    Args:
        url: Where the hubs are, behind the proxy.
        http: What clients and publishers connect with.
        size: How much there is of everything.
    """
    async with AsyncExitStack() as stack:
        crowd = Crowd(url, http, size)
        stack.push_async_callback(crowd.close)
        await crowd.open(stack)
        yield crowd


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait until something is true that nothing announces."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"this did not come about: {what}") from None


def _has(client: Client, content: str) -> bool:
    return any(block.content == content for session in client.sessions for block in session.blocks[-20:])


def _pause(retry_after: float | None) -> float:
    return PAUSE if retry_after is None else retry_after
