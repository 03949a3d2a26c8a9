"""A hub of several workers, run as the command runs it, and its log as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from tests.web.listening import Reading
from tests.web.rawhttp import request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

T = TypeVar("T")
DEADLINE = 100.0  # seconds; a worker takes one to start, and this machine may be busy
LOOK_EVERY = 0.01  # seconds between two looks at what announces nothing: the machine has other things to do
# The command, but for the rule that workers need a log that they share: processes are watched here, and nothing else.
COMMAND = """
from sse_signals import settings
settings.contradictions = lambda *_, **__: ()
from sse_signals.cli import main
main()
"""


class Crew:
    """The process that starts the workers, and what was logged so far by all of them."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.noise: list[str] = []
        self._more = asyncio.Event()
        self.reading = asyncio.create_task(self._read())

    @property
    def url(self) -> str:
        """Where the hub is."""
        return str(next(entry["url"] for entry in self.log if entry["event"] == "listening"))

    @property
    def port(self) -> int:
        """Its port."""
        return int(self.url.split(":")[2].partition("/")[0])

    def told(self, event: str, **values: Any) -> list[dict[str, Any]]:
        """Return the lines of the log with an event and values."""
        return [entry for entry in self.log if entry.items() >= {"event": event, **values}.items()]

    def pids(self) -> dict[int, int]:
        """Return the process of each worker, the last that listened."""
        return {entry["worker"]: entry["pid"] for entry in self.told("worker listens")}

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is true of the log, and return it."""
        async with asyncio.timeout(DEADLINE):
            while not (found := condition()):
                assert not self.reading.done(), (self.log, self.noise)
                self._more.clear()
                await self._more.wait()
        return found

    async def hear(self, event: str, count: int = 1, **values: Any) -> list[dict[str, Any]]:
        """Wait until an event has been logged so often."""
        found: list[dict[str, Any]] = await self.until(
            lambda: len(self.told(event, **values)) >= count and self.told(event, **values)
        )
        return found

    async def end(self) -> int:
        """Wait until the process has ended, and all workers, which hold its stderr; return its exit status."""
        async with asyncio.timeout(DEADLINE):
            await asyncio.shield(self.reading)  # who waits in vain does not end it
            return await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the process alone, and wait for the end."""
        self.process.send_signal(number)
        return await self.end()

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.noise.append(line.decode())
            self._more.set()
        self._more.set()


@asynccontextmanager
async def crew(*arguments: str, command: str = COMMAND, **environ: str) -> AsyncIterator[Crew]:
    """Run a hub with two workers on a free port until the test is done."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", command, "serve", "--port", "0", "--workers", "2", *arguments),
        env={**inherited, **environ},
        stderr=asyncio.subprocess.PIPE,
    )
    hub = Crew(process)
    try:
        yield hub
    finally:
        await _resume(process.pid)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await hub.end()  # the workers notice


@asynccontextmanager
async def streams(hub: Crew, *headers: str) -> AsyncIterator[dict[int, Reading]]:
    """Open streams until each worker has one, and give one of each."""
    parts = urlsplit(hub.url)
    found: dict[int, Reading] = {}
    writers = []
    try:
        while len(found) < 2:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writers.append(writer)
            writer.write(request("GET", "/signals/stream?topic=a", *headers))
            start = await reader.readuntil(b'"heartbeat"')
            name = start.partition(b'"stream":"')[2].partition(b'"')[0].decode()
            (opened,) = await hub.hear("stream opened", stream=name)
            found[opened["worker"]] = Reading(reader, start)
        yield found
    finally:
        for writer in writers:
            writer.transport.abort()


async def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(child) for child in (await _read(f"/proc/{pid}/task/{pid}/children")).split()]


async def listeners(port: int) -> int:
    """Return how many sockets listen at a port of 127.0.0.1."""
    lines = [line.split() for line in (await _read("/proc/net/tcp")).splitlines()[1:]]
    return sum(fields[1] == f"0100007F:{port:04X}" and fields[3] == "0A" for fields in lines)


async def seen(look: Callable[[], Awaitable[T]], condition: Callable[[T], Any]) -> T:
    """Look again and again until something is true of what is seen, and return that."""
    async with asyncio.timeout(DEADLINE):
        while not condition(found := await look()):  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(LOOK_EVERY)
    return found


async def _resume(pid: int) -> None:
    """Have the workers of a process go on that a test has stopped and, since it failed, not resumed: none stays."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for child in await children(pid):
            os.kill(child, signal.SIGCONT)


async def _read(path: str) -> str:
    return await asyncio.to_thread(Path(path).read_text)
