"""``sse-signals bench`` in a terminal, and what ends it early."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.bench_clients.running import DEADLINE, QUICK, RECEIPT
from tests.bench_clients.scripted import scripted, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sse_signals.server import Running
    from tests.bench_clients.scripted import Scripted

CONTROL_C = b"\x03"


class Terminal:
    """A terminal in which the command runs."""

    def __init__(self, file: int, process: asyncio.subprocess.Process) -> None:
        self._file = file
        self._process = process
        self.shown = ""

    async def read(self, met: Callable[[str], object] = lambda _: False) -> None:
        """Read until what is shown meets a condition, or to the end."""
        while not met(self.shown):
            try:
                data = await asyncio.to_thread(os.read, self._file, 65536)
            except OSError:  # nobody writes there any more
                return
            self.shown += data.decode()

    async def type(self, keys: bytes) -> None:
        """Press keys."""
        await asyncio.to_thread(os.write, self._file, keys)

    async def end(self) -> int:
        """Read the rest; return the exit status."""
        await self.read()
        return await self._process.wait()


@asynccontextmanager
async def terminal(columns: int, *arguments: str) -> AsyncIterator[Terminal]:
    """Run the command in a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        *("setsid", "--ctty", sys.executable, "-m", "sse_signals", "bench", *arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**{name: value for name, value in os.environ.items() if name != "COLUMNS"}, "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        async with asyncio.timeout(DEADLINE):
            yield Terminal(ours, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


@pytest.mark.parametrize("columns", [60, 120])
async def test_in_a_terminal(hub: Running, columns: int) -> None:
    """Bars show how far it is, then comes the report in colours; no line is wider than the terminal."""
    async with terminal(columns, hub.url, *QUICK) as shown:
        assert await shown.end() == 0
    opening, publishing, report = re.split(r"\r\n(?=.*Publishing)|\r\n\r\n", shown.shown, maxsplit=2)
    assert "Opening" in opening
    assert "5/5" in opening
    assert "100%" in publishing
    assert re.search(r"[1-9][\d,.]* deliveries/s" if columns > 80 else r"[1-9][\d,.]*/s", publishing)
    assert "\x1b[32mnone: " in report
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.shown)
    assert max(map(len, re.split(r"\r\n|\r", plain))) <= columns


async def test_ctrl_c_while_it_publishes(hub: Running) -> None:
    """What was measured until then is reported, and the exit status says that it was interrupted."""
    async with terminal(80, hub.url, "--streams", "3", "--duration", "1h") as shown:
        await shown.read(lambda text: "deliveries/s" in text)
        await shown.type(CONTROL_C)
        assert await shown.end() == 130
    assert re.search(r"Interrupted .*after .* of 3,600 s", shown.shown)
    assert "none: every stream received every message" in shown.shown
    assert "Traceback" not in shown.shown


async def test_ctrl_c_again() -> None:
    """Who does not want to wait for the rest presses it twice."""

    async def hold(server: Scripted, _: int) -> bytes:
        if not server.bodies[-1]:
            return RECEIPT
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]

    async with scripted(hold) as server:
        url = f"http://{server.target.address.netloc}"
        async with terminal(80, url, "--streams", "1", "--duration", "1h") as shown:
            await until(lambda: server.bodies and server.bodies[-1])
            await shown.type(CONTROL_C)
            await shown.read(lambda text: "^C" in text)
            ended = asyncio.create_task(shown.end())
            # Pressed before the first was noticed, it would be one with that; pressed as it leaves, it would kill it.
            while not ended.done() and "interrupted before" not in shown.shown:
                await shown.type(CONTROL_C)
                await asyncio.wait([ended], timeout=0.5)
            assert await ended == 130
    assert "sse-signals: interrupted before there was anything to tell." in shown.shown
    assert "Traceback" not in shown.shown


async def test_a_signal_that_is_no_key(hub: Running) -> None:
    """Before anything was published there is nothing to tell."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", "bench", hub.url, "--streams", "9000", "--at-once", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await until(lambda: hub.service.streams)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE):
        stdout, stderr = await process.communicate()
    assert (process.returncode, stdout) == (130, b"")
    assert stderr == b"sse-signals: interrupted before there was anything to tell.\n"
