"""A node whose metrics and log are watched, as who operates it does: what has risen, and what was said."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from tests.brokers.servers import free_port
from tests.faults.nodes import Node
from tests.faults.passes import GUARDED, token
from tests.faults.publisher import Publisher
from tests.faults.reader import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

DEADLINE: Final = 30.0  # seconds in which whatever is waited for has to show
ADMIN: Final = token("root", publishes=True, admin=True)


class Watched:
    """A node with metrics at a port of their own.

    Args:
        http: What it is asked with.
        broker: The URL of its log.
        options: More words for its command line.

    Attributes:
        node: The node.
        publisher: Publishes to it.
    """

    def __init__(self, http: aiohttp.ClientSession, broker: str, *options: str) -> None:
        self._port = free_port()
        self._http = http
        self._before: Mapping[str, float] = {}
        self._said = 0
        self.node = Node(broker, *GUARDED, "--metrics-port", str(self._port), *options)
        self.publisher = Publisher(http, lambda: [self.node.url], f"p{self._port}", token=ADMIN)

    async def metrics(self, patience: float = DEADLINE) -> dict[str, float]:
        """Return all samples by name and labels, without the prefix: ``streams_closed_total revoked``.

        Args:
            patience: Seconds that the answer may take.

        Raises:
            TimeoutError: It takes longer.
        """
        timeout = aiohttp.ClientTimeout(total=patience)
        async with self._http.get(f"http://127.0.0.1:{self._port}/metrics", timeout=timeout) as response:
            text = await response.text()
        return {
            " ".join((sample.name.removeprefix("sse_signals_"), *sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def mark(self) -> None:
        """Compare with now from here on."""
        self._before, self._said = await self.metrics(), len(self.node.log)

    async def shows(self, **values: float) -> None:
        """Wait until metrics have these values."""
        await self._until(lambda now: {name: now[name] for name in values} == values, f"metrics are {values}")

    async def rise(self, *names: str, by: float = 1) -> None:
        """Wait until metrics are greater by something than they were."""
        for name in names:
            await self._until(lambda now, name=name: now[name] >= self._before[name] + by, f"{name} rises by {by}")

    async def says(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for a line of the log with some fields, and return it."""
        wanted = {"event": event, **fields}
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE):
                while True:
                    for line in self.node.log[self._said :]:
                        if line.items() >= wanted.items():
                            return line
                    await asyncio.sleep(0.02)
        raise AssertionError(f"it did not say {wanted}, but {self.node.log[self._said :]}")

    async def ask(self, method: str, path: str, body: object = None, *, token: str = ADMIN) -> int:
        """Return the status of an answer."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._http.request(method, f"{self.node.url}{path}", json=body, headers=headers) as response:
            return response.status

    @asynccontextmanager
    async def reader(self, name: str = "ann", **options: Any) -> AsyncIterator[Reader]:
        """Have a reader whose stream is open."""
        reader = Reader(self._http, lambda: [self.node.url], name, token=token(name), **options)
        task = asyncio.create_task(reader.run())
        try:
            await reader.until(lambda: reader.client.sessions)
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _until(self, true: Any, what: str) -> None:
        now: dict[str, float] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE):
                while not true(now := await self.metrics()):  # noqa: ASYNC110 - nothing announces it
                    await asyncio.sleep(0.05)
                return
        raise AssertionError(f"it did not come about that {what}: {now}")
