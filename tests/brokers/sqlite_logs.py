"""Logs in files, for the tests that are about the file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from contextlib import aclosing, asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.sqlite import SqliteBroker
from sse_signals.model import HistoryLimits, Signal
from tests.brokers.conftest import Clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from sse_signals.model import Event, EventId, Receipt

DEADLINE = 20.0  # seconds


class Files:
    """A folder with logs.

    Attributes:
        path: Of the log that is used if no other is named.
        clock: Which tells them the time.
        told: What they have said.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.db"
        self.clock = Clock()
        self.told: list[Any] = []
        self.made: list[SqliteBroker] = []

    def broker(
        self, path: Path | None = None, *, limits: HistoryLimits | None = None, query: str = "", **options: Any
    ) -> SqliteBroker:
        """Return a log that is not open yet."""
        url = f"sqlite:///{path or self.path}{query}"
        chosen = BrokerOptions(**{"timeout": DEADLINE, **options})  # where patience is the matter, a test says so
        logger = structlog.wrap_logger(None, processors=[self._keep])
        log = SqliteBroker(url, limits or HistoryLimits(), chosen, clock=self._now, logger=logger)
        self.made.append(log)
        return log

    def _keep(self, _logger: Any, _method: str, line: Any) -> Any:
        self.told.append(line)
        raise structlog.DropEvent

    def _now(self) -> int:
        return self.clock()  # which a test may replace

    async def open(self, path: Path | None = None, **options: Any) -> SqliteBroker:
        """Return a log that is open."""
        log = self.broker(path, **options)
        await log.open()
        return log

    async def again(self, log: SqliteBroker, **options: Any) -> SqliteBroker:
        """Close a log and open it anew."""
        await log.close()
        return await self.open(**options)

    async def close(self) -> None:
        """Close all that were made."""
        for log in self.made:
            await log.close()

    def run(self, statement: str, *values: object) -> list[Any]:
        """Run a statement on the file, and return what it finds. Not from within an event loop."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            return connection.execute(statement, values).fetchall()

    def modes(self) -> dict[str, int]:
        """Return who may do what with each file. Not from within an event loop."""
        return {path.name: path.stat().st_mode & 0o777 for path in self.path.parent.iterdir()}

    def forget_journal(self) -> None:
        """Delete what belongs to the file that was here, as somebody does who puts back a copy."""
        for suffix in ("-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


@pytest.fixture(name="files")
async def a_folder(tmp_path: Path) -> AsyncIterator[Files]:
    """A folder for logs."""
    made = Files(tmp_path)
    yield made
    await made.close()


async def publish(log: SqliteBroker, *numbers: int, **how: Any) -> Receipt:
    """Publish one record."""
    return await log.publish([Signal(b"%d" % number, "topic") for number in numbers], **how)


async def read(log: SqliteBroker, after: EventId, count: int) -> list[Event]:
    """Follow a log until so many events have come."""
    events: list[Event] = []
    async with asyncio.timeout(DEADLINE), aclosing(log.follow(after)) as pieces:
        async for piece in pieces:
            events += piece
            if len(events) >= count:
                return events
    raise AssertionError("it has ended")


def messages(events: Sequence[Event]) -> list[Any]:
    """Return what events say."""
    return [event.message for event in events]


@asynccontextmanager
async def python(code: str, *arguments: str) -> AsyncIterator[Program]:
    """Run a program of its own until the test is done with it."""
    pipe = asyncio.subprocess.PIPE
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # which takes seconds
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *arguments, stdin=pipe, stdout=pipe, env=environ
    )
    try:
        yield Program(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


class Program:
    """A running program; what it writes is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> bytes:
        """Return the next line it writes; nothing when it has ended."""
        assert self._process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            return await self._process.stdout.readline()

    def tell(self, line: bytes) -> None:
        """Write a line to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line)

    async def kill(self) -> None:
        """Kill it, and wait for its end."""
        self._process.kill()
        await self._process.wait()
