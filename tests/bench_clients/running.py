"""Running ``sse-signals bench`` with its output in pipes."""

from __future__ import annotations

import asyncio
import sys

from tests.commands.running import Done

DEADLINE = 60.0
QUICK = ["--streams", "5", "--rate", "50", "--duration", "0.4s"]


async def bench(*arguments: str, shell: str = "", stdin: int | None = None) -> Done:
    """Run the command with its output in pipes."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-c", f'{shell} exec "$0" -m sse_signals bench "$@"', sys.executable, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=stdin,
    )
    async with asyncio.timeout(DEADLINE):
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return Done(process.returncode, stdout.decode(), stderr.decode())


def assert_one_sentence(done: Done, *parts: str, status: int = 3) -> None:
    """Check that it failed with one sentence on stderr, and nothing else."""
    assert (done.status, done.stdout) == (status, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-signals: ")
    assert line.endswith((".", "?"))
    for part in parts:
        assert part in line


RECEIPT = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: signals.open\n\n"
