"""A hub started as systemd does it: with a socket that somebody else holds, and somebody who hears what it says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.crew import DEADLINE, Crew

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# What a service manager does between fork and exec; two signals are never one wish, and workers need no common log.
COMMAND = """
import os, sys
from sse_signals import process, settings
os.dup2(int(sys.argv.pop(1)), 3)
os.environ["LISTEN_PID"] = str(os.getpid())
process.ONE_WISH = 0.0
settings.contradictions = lambda *_, **__: ()
from sse_signals.cli import main
main()
"""


class Manager:
    """The part of a service manager.

    Attributes:
        place: Where the socket is, whoever accepts from it.
        url: The same, as a hub says it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = str(folder / "notify")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(self._path)
        self._line.setblocking(False)
        self.place: tuple[str, int] = self._listener.getsockname()
        self.url = f"http://127.0.0.1:{self.place[1]}/signals"

    def close(self) -> None:
        """Let go of everything."""
        self._listener.close()
        self._line.close()

    async def hear(self, word: str) -> list[str]:
        """Wait until a hub says something; return it with what it says besides."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE):
            while True:
                said = (await loop.sock_recv(self._line, 4096)).decode().split("\n")
                if said[0] == word:
                    return said

    @asynccontextmanager
    async def start(self, *arguments: str, **environ: str) -> AsyncIterator[Crew]:
        """Start a hub on the socket, until the test is done."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
        number = self._listener.fileno()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", COMMAND, str(number), "serve", *arguments),
            env={**inherited, "LISTEN_FDS": "1", "NOTIFY_SOCKET": self._path, "WATCHDOG_USEC": "200000", **environ},
            pass_fds=[number],
            stderr=asyncio.subprocess.PIPE,
        )
        hub = Crew(process)
        try:
            yield hub
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await hub.end()
