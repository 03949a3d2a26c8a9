"""Processes of the hub that start quickly: they are forked from one that has read the program already."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from typing import TYPE_CHECKING, Final

from sse_signals.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

_FORKED: Final = multiprocessing.get_context("forkserver")
_FORKED.set_forkserver_preload(
    [
        __name__,
        "sse_signals.server",
        *(f"sse_signals.brokers.{name}" for name in ("memory", "sqlite", "redis", "nats")),
    ]
)


class HubProcess:
    """One ``sse-signals`` with some words on its command line.

    Attributes:
        stderr: What it says.
        pid: Its number.
    """

    def __init__(self, process: multiprocessing.process.BaseProcess, stderr: asyncio.StreamReader) -> None:
        self._process = process
        self._ended = asyncio.create_task(self._end())
        self.stderr = stderr
        self.pid = process.pid or 0

    @classmethod
    async def start(cls, words: Sequence[str]) -> HubProcess:
        """Start one."""
        ours, theirs = _FORKED.Pipe(duplex=False)
        process = _FORKED.Process(target=_run, args=(theirs, list(words)), daemon=True)
        await asyncio.to_thread(process.start)
        theirs.close()
        stderr = asyncio.StreamReader()
        pipe = os.fdopen(os.dup(ours.fileno()), "rb", 0)
        ours.close()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stderr), pipe)
        return cls(process, stderr)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return not self._ended.done()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    async def wait(self) -> int:
        """Wait until it has ended; returns its exit code."""
        return await asyncio.shield(self._ended)

    async def _end(self) -> int:
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        await ended.wait()
        loop.remove_reader(self._process.sentinel)
        await asyncio.to_thread(self._process.join)  # which reads a pipe
        return self._process.exitcode or 0


def _run(stderr: Connection, words: Sequence[str]) -> None:
    os.dup2(stderr.fileno(), sys.stderr.fileno())
    stderr.close()
    main(words)
