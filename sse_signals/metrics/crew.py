"""The crew: all workers of a hub, asked through Unix sockets in a folder that only they can enter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import hdrs

from sse_signals.metrics.joined import Joined
from sse_signals.metrics.series_own import WORKERS, WORKERS_ANSWERING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prometheus_client.core import Metric

FAMILIES: Final = "/families"  # where a worker tells its own metrics
READY: Final = "/health/ready"  # and whether it is
BEFORE: Final = "before"  # what the socket and the label of a worker end with whose place another one has taken
PATIENCE: Final = 1.0  # seconds that each worker gets: one that hangs must not keep a scrape from telling of the others


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody answered.

    Attributes:
        status: The HTTP status.
        body: The body.
        content_type: Its media type.
        retry_after: The header of that name, or nothing.
    """

    status: int
    body: bytes
    content_type: str
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """Where the workers of a hub are asked.

    Attributes:
        folder: The folder of their sockets.
        count: How many there are.
    """

    folder: str
    count: int

    def socket_of(self, worker: int) -> str:
        """Return the path of a worker's socket; whoever takes its place puts its own socket there."""
        return str(Path(self.folder) / f"{worker}.sock")

    def socket_before(self, worker: int) -> str:
        """Return the path at which a worker is asked whose place another one has taken, for as long as it drains."""
        return str(Path(self.folder) / f"{worker}.{BEFORE}")

    async def exposition(self) -> Sequence[Metric]:
        """Return the metrics of all workers that answer, and how many those are; who only drains is not among these."""
        paths = {str(worker): self.socket_of(worker) for worker in self._numbers}
        paths |= {f"{worker}-{BEFORE}": self.socket_before(worker) for worker in self._numbers}
        answers = await asyncio.gather(*(_ask(path, FAMILIES) for path in paths.values()))
        joined, answering = Joined(), 0
        for label, said in zip(paths, answers, strict=True):
            if said is not None and said.status == 200:
                answering += label.isdigit()
                joined.add(said.body, label)
                await asyncio.sleep(0)  # with many workers this takes long enough for others to have their turn
        return [*joined.families, WORKERS.family(self.count), WORKERS_ANSWERING.family(answering)]

    async def ready(self) -> Said | None:
        """Return what a worker answers who asks whether it is ready: the first that is, without waiting for others.

        If none is, it is what any of them answers, or None.
        """
        asking = [asyncio.create_task(_ask(self.socket_of(worker), READY)) for worker in self._numbers]
        found = None
        try:
            for answer in asyncio.as_completed(asking):
                found = await answer or found
                if found is not None and found.status == 200:
                    break  # one that hangs must not keep a probe waiting, which would give up on all of them
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return found

    @property
    def _numbers(self) -> range:
        return range(1, self.count + 1)


async def _ask(socket: str, path: str) -> Said | None:
    timeout = aiohttp.ClientTimeout(total=PATIENCE)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket), timeout=timeout) as http,
            http.get(f"http://localhost{path}") as answer,
        ):
            retry_after = answer.headers.get(hdrs.RETRY_AFTER, "")
            return Said(answer.status, await answer.read(), answer.content_type, retry_after)
    except (aiohttp.ClientError, TimeoutError):  # it has not begun, has ended, or hangs
        return None
