"""The log that nodes share, with what can happen to it; a proxy stands before it where there is a network."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Final

from tests.brokers.servers import SAFE_REDIS, NatsServer, RedisServer
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.brokers.servers import Server

SERVERS: Final[dict[str, Callable[[Path], Server]]] = {
    "redis": lambda folder: RedisServer(folder, *SAFE_REDIS),
    "nats": NatsServer,
}
EMBEDDED: Final = ("memory", "sqlite")  # logs inside of a node: there can be one node, and it is what dies
BROKERS: Final = (*EMBEDDED, *SERVERS)


class Log:
    """A log of its own.

    Attributes:
        url: Where nodes find it.
        server: The process that has it; None if that is the node itself.
        proxy: The network between the nodes and the server; None without a server.
        file: Where it is without a server; None if it is in memory.
    """

    def __init__(
        self, url: str, server: Server | None = None, proxy: FaultProxy | None = None, file: Path | None = None
    ) -> None:
        self.url = url
        self.file = file
        self._turns = 0
        self.server = server
        self.proxy = proxy

    async def kill(self) -> None:
        """Have its server die, as ``kill -9`` does."""
        assert self.server is not None
        await asyncio.to_thread(self.server.kill)

    async def start(self) -> None:
        """Start its server again, with what it has."""
        assert self.server is not None
        await asyncio.to_thread(self.server.start)

    async def empty(self) -> None:
        """Throw away what it has; who has it must not run."""
        if self.server is not None:
            await asyncio.to_thread(self.server.empty)
        elif self.file is not None:
            await asyncio.to_thread(self._empty_file, self.file)

    @staticmethod
    def _empty_file(file: Path) -> None:
        for path in file.parent.glob(f"{file.name}*"):
            path.unlink()

    @property
    def runs(self) -> bool:
        """Whether its server does."""
        return self.server is not None and self.server.process is not None

    @property
    def pid(self) -> int:
        """Its server's process."""
        assert self.server is not None
        assert self.server.process is not None
        return self.server.process.pid

    async def save(self) -> None:
        """Keep what it has now, to `roll_back` to; who has it must not run meanwhile."""
        await asyncio.to_thread(shutil.copytree, self._folder, self._saved, dirs_exist_ok=True)

    async def roll_back(self) -> None:
        """Lose what came after it was saved, as when a replica takes over that was behind; who has it must not run."""
        await asyncio.to_thread(self._roll_back)

    def _roll_back(self) -> None:
        if self.file is not None and self._turns % 2:  # somebody copies it into the file that is there
            for path in (*self.file.parent.glob(f"{self.file.name}-???"), self.file):
                path.write_bytes((self._saved / path.name).read_bytes())
            shutil.rmtree(self._saved)
        else:
            shutil.rmtree(self._folder)
            self._saved.rename(self._folder)
        self._turns += 1

    @property
    def _folder(self) -> Path:
        if self.server is not None:
            return self.server.folder
        assert self.file is not None
        return self.file.parent

    @property
    def _saved(self) -> Path:
        return self._folder.with_name("saved")


@asynccontextmanager
async def log(broker: str, folder: Path) -> AsyncIterator[Log]:
    """Make a log.

    Args:
        broker: One of `BROKERS`.
        folder: An empty one, for its data and what else there is.
    """
    if broker in EMBEDDED:
        data = folder / "data"
        await asyncio.to_thread(data.mkdir)
        file = None if broker == "memory" else data / "log.db"
        yield Log("memory://" if file is None else f"sqlite:///{file}", file=file)
        return
    async with AsyncExitStack() as stack:
        data = folder / "data"
        await asyncio.to_thread(data.mkdir)
        server = SERVERS[broker](data)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        await asyncio.to_thread(server.start)
        proxy = await stack.enter_async_context(FaultProxy("127.0.0.1", server.port))
        yield Log(f"{server.scheme}://127.0.0.1:{proxy.port}", server, proxy)
