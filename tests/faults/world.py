"""Nodes on one log, with publishers and readers at work, all of whom write down what they see."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

import aiohttp

from tests.faults.checker import check
from tests.faults.nodes import Node
from tests.faults.passes import GUARDED, token
from tests.faults.publisher import Publisher
from tests.faults.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence

    from tests.faults.observed import Report

TOPICS = ("a", "b/c", None)
FILTERS = ((), ("a",), ("b/*", "a"))  # of readers, in turn
ANN, BOB = "user:default/ann", "user:default/bob"
OWNERS = (frozenset({ANN, BOB}), frozenset({ANN}), frozenset({BOB}), frozenset[str]())  # of readers, in turn
# Of signals, in turn: as many as no multiple of the topics, so that each comes with each.
TARGETS = (None, frozenset({ANN}), None, frozenset({BOB, "group:default/all"}), frozenset[str]())
SETTLED = 60.0  # seconds within which everything is well again after the last fault


class World:
    """Everything at once.

    Args:
        nodes: They run, on one log.
        http: What publishers and readers connect with.

    Attributes:
        publishers: All there ever were.
        readers: All there ever were.
    """

    def __init__(self, nodes: Sequence[Node], http: aiohttp.ClientSession) -> None:
        self.nodes = nodes
        self.publishers: list[Publisher] = []
        self.readers: list[Reader] = []
        self._http = http
        self._reading: list[asyncio.Task[None]] = []
        self._publishing: list[asyncio.Task[None]] = []

    def urls(self) -> list[str]:
        """Return where the nodes are, also those that do not run."""
        return [node.url for node in self.nodes]

    async def read(self, count: int, **options: float) -> None:
        """Have so many more readers, with different filters and rights, on all nodes; returns when all have begun."""
        for _ in range(count):
            number = len(self.readers)
            name, owns = f"reader {number}", OWNERS[number % len(OWNERS)]
            reader = Reader(
                self._http,
                self.urls,
                name,
                topics=FILTERS[number % len(FILTERS)],
                owns=owns,
                token=token(name, owns),
                number=number,
                **options,
            )
            self.readers.append(reader)
            self._reading.append(self._begin(reader.run()))
        await self.everybody(lambda reader: reader.last_id is not None)

    def publish(self, count: int, *, interval: float = 0.01, tries: int = 1) -> None:
        """Have so many more publishers, each of which publishes again and again until the world settles."""
        for _ in range(count):
            publisher = self.publisher(tries=tries)
            self._publishing.append(self._begin(publisher.run(TOPICS, TARGETS, interval=interval)))

    def publisher(self, *, tries: int = 1, node: Node | None = None) -> Publisher:
        """Return a publisher that does nothing by itself; it publishes at all nodes in turn, or at one."""
        number = len(self.publishers)
        name = f"p{number}"
        mine, urls = token(name, publishes=True), self.urls if node is None else lambda: [node.url]
        self.publishers.append(Publisher(self._http, urls, name, token=mine, tries=tries, number=number))
        return self.publishers[-1]

    def pause(self, reader: Reader) -> None:
        """Have a reader leave."""
        self._reading[self.readers.index(reader)].cancel()

    def resume(self, reader: Reader) -> None:
        """Have a reader come back that has left."""
        self._reading[self.readers.index(reader)] = self._begin(reader.run())

    async def ready(self) -> list[int]:
        """Return what the nodes answer to whether they are ready."""
        statuses = []
        for url in self.urls():
            async with self._http.get(f"{url}/health/ready") as response:
                statuses.append(response.status)
        return statuses

    async def all_ready(self, seconds: float = SETTLED) -> None:
        """Wait until all nodes say that they are ready, as one does who upgrades one after the other.

        Raises:
            TimeoutError: It takes longer.
        """
        async with asyncio.timeout(seconds):
            while set(await self.ready()) != {200}:  # noqa: ASYNC110 - they are other processes
                await asyncio.sleep(0.01)

    async def answered(self, seconds: float = SETTLED) -> None:
        """Wait until publishers have heard what became of all that they have sent so far.

        Raises:
            TimeoutError: It takes longer.
        """
        now = monotonic()
        async with asyncio.timeout(seconds):
            while any(each.asking is not None and each.asking <= now for each in self.publishers):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def everybody(self, true: Callable[[Reader], object], seconds: float = SETTLED) -> None:
        """Wait until something is true of each reader.

        Raises:
            TimeoutError: It is not; names those who lag.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._or_failure(self._all(true, seconds))
        except TimeoutError:
            names = [reader.client.name for reader in self.readers if not true(reader)]
            raise TimeoutError(f"{names} of {len(self.readers)} readers lag") from None

    async def _all(self, true: Callable[[Reader], object], seconds: float) -> None:
        for reader in self.readers:
            await reader.until(partial(true, reader), seconds)

    async def progress(self, count: int, seconds: float = SETTLED) -> None:
        """Wait until so many more signals were acknowledged, and all readers have got them.

        Raises:
            TimeoutError: It takes longer.
        """
        await self.more(count, seconds)
        await self.mark(seconds)

    async def more(self, count: int, seconds: float = SETTLED) -> None:
        """Wait until so many more signals were acknowledged.

        Raises:
            TimeoutError: It takes longer.
        """
        wanted = self.acknowledged + count
        async with asyncio.timeout(seconds):
            while self.acknowledged < wanted:
                self._check_tasks()
                await asyncio.sleep(0.01)

    async def mark(self, seconds: float = SETTLED) -> None:
        """Publish a signal to everybody, until it is acknowledged, and wait until everybody has got it.

        Raises:
            TimeoutError: It takes longer.
        """
        publisher = self.publisher()
        async with asyncio.timeout(seconds):
            marker = await publisher.publish(None)
            while marker.outcome != "acknowledged":
                await asyncio.sleep(0.05)
                marker = await publisher.publish(None)
        await self.everybody(lambda reader: reader.has(marker.content) or reader.gap_since(marker.sent), seconds)

    async def settle(self, seconds: float = SETTLED) -> None:
        """Let publishers end, and wait until every reader has what they have published.

        Raises:
            TimeoutError: It takes longer.
        """
        for task in self._publishing:
            task.cancel()
        await asyncio.wait(self._publishing) if self._publishing else None
        self._check_tasks()
        self._publishing.clear()
        await self.mark(seconds)

    async def close(self) -> None:
        """End everybody."""
        tasks = self._reading + self._publishing
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def acknowledged(self) -> int:
        """How many signals were acknowledged so far."""
        return sum(publisher.acknowledged for publisher in self.publishers)

    def check(self, *, bound: float = SETTLED, destroyed: Collection[str] = (), forks: bool = False) -> Report:
        """Return what the checker says of all that was seen."""
        attempts = [attempt for publisher in self.publishers for attempt in publisher.attempts]
        clients = [reader.client for reader in self.readers]
        return check(attempts, clients, bound=bound, destroyed=destroyed, forks=forks)

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.create_task(work)

    def _check_tasks(self) -> None:
        for task in self._reading + self._publishing:
            if task.done() and not task.cancelled():
                task.result()
                raise AssertionError("it ended by itself")

    async def _or_failure(self, work: Coroutine[None, None, None]) -> None:
        """Wait for something, but no longer than all who are at work are well."""
        waiting = asyncio.create_task(work)
        try:
            await asyncio.wait([waiting, *self._reading], return_when=asyncio.FIRST_COMPLETED)
            self._check_tasks()
            await waiting
        finally:
            waiting.cancel()


@asynccontextmanager
async def world(broker: str, *options: str, nodes: int = 2) -> AsyncIterator[World]:
    """Start nodes on a log; they and everybody end with the context.

    Args:
        broker: The URL of the log.
        options: More words for the nodes' command line.
        nodes: How many.
    """
    async with AsyncExitStack() as stack:
        all_nodes = [await stack.enter_async_context(Node(broker, *GUARDED, *options)) for _ in range(nodes)]
        connector = aiohttp.TCPConnector(limit=0)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        it = World(all_nodes, http)
        stack.push_async_callback(it.close)
        yield it
