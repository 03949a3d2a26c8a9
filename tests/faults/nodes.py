"""Hub nodes as processes of their own, which can be killed and come back where they were."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from pathlib import Path
from resource import getpagesize
from typing import TYPE_CHECKING, Any, Self

from tests.brokers.servers import free_port
from tests.faults.processes import HubProcess

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE = 20.0  # seconds that a node gets to start or to end
UNLIMITED = ("--publish-rate", "1000000", "--publish-burst", "1000000", "--max-streams-per-address", "10000")
HEARTBEAT = ("--heartbeat", "1")


class Node:
    """One ``sse-signals serve``.

    Args:
        broker: The URL of its log.
        options: More words for its command line.

    Attributes:
        url: Where it is, from its first start on.
        log: What it has logged since its last start.
        starts: How often it was started.
    """

    def __init__(self, broker: str, *options: str) -> None:
        self.broker = broker
        self.options = options
        self.port = 0
        self.url = ""
        self.log: list[dict[str, Any]] = []
        self.starts = 0
        self._process: HubProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self._listening = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.runs

    def memory(self) -> float:
        """Return how much of the machine's memory it has, in MiB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * getpagesize() / 1024 / 1024

    async def start(self) -> None:
        """Start it, on the port it had before, and wait until it listens.

        Raises:
            RuntimeError: It does not; says what it logged.
        """
        self.log, self._listening = [], asyncio.Event()
        self.port = self.port or free_port()
        words = ("--port", str(self.port), "--broker", self.broker, *UNLIMITED, *HEARTBEAT, *self.options)
        self._process = await HubProcess.start(("serve", *words))
        self.starts += 1
        self._reading = asyncio.create_task(self._read(self._process.stderr))
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._listening.wait()
        if not self.url or not self.runs:
            await self.kill()
            raise RuntimeError(f"it does not listen: {self.log}")

    async def kill(self) -> None:
        """End it as ``kill -9`` does."""
        await self._end(signal.SIGKILL)

    async def terminate(self, patience: float = PATIENCE) -> int:
        """End it in good order; returns its exit code.

        Args:
            patience: Seconds that it may take.

        Raises:
            TimeoutError: It does not end.
        """
        return await self._end(signal.SIGTERM, patience)

    async def _end(self, number: int, patience: float = PATIENCE) -> int:
        process, reading = self._process, self._reading
        if process is None or reading is None:
            return 0
        if process.runs:
            process.signal(number)
        async with asyncio.timeout(patience):
            code = await process.wait()
            await reading
        return code

    async def _read(self, stderr: asyncio.StreamReader) -> None:
        """Read all it says: a pipe that is full would stop it."""
        async for line in stderr:
            try:
                record = json.loads(line)
            except ValueError:
                record = {"event": line.decode(errors="replace")}
            self.log.append(record)
            if record.get("event") == "listening":
                self.url = record["url"]
                self._listening.set()
        self._listening.set()  # it has ended: nobody needs to wait any longer
