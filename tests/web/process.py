"""The command as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEADLINE = 60.0


class Process:
    """The command, running."""

    def __init__(self, process: asyncio.subprocess.Process, stderr: asyncio.Task[bytes], url: str) -> None:
        self._process = process
        self._stderr = stderr
        self.url = url

    async def stop(self, number: int = signal.SIGTERM) -> list[dict[str, Any]]:
        """Send a signal; return what was logged, after checking that the end was a good one."""
        self._process.send_signal(number)
        stderr = await self._stderr
        assert await self._process.wait() == 0, stderr
        return [json.loads(line) for line in stderr.splitlines()]


@asynccontextmanager
async def command(*arguments: str, shell: str = "", **environ: str) -> AsyncIterator[Process]:
    """Run the command until the test is done."""
    line = f'{shell} exec "$0" -m sse_signals serve --port 0 --examples "$@"'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", line, sys.executable, *arguments,
        env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    stderr = asyncio.create_task(process.stderr.read())  # at once: a pipe that is full would stop the hub
    try:
        async with asyncio.timeout(DEADLINE):
            example = (await process.stdout.readline()).decode()
            yield Process(process, stderr, example.split("'")[1].partition("/stream")[0])
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await stderr
