"""Where logs are kept, and how there comes to be no room: by a limit of files, memory or pages, or by a full disk."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from resource import RLIM_INFINITY, RLIMIT_FSIZE, prlimit
from typing import TYPE_CHECKING, Final

import nats
from nats.js.errors import ServiceUnavailableError
from redis import Redis

from tests.brokers.servers import NatsServer, RedisServer
from tests.faults.logs import Log, log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.faults.world import World

SHARE: Final = 20_001  # bytes that a file may still grow by: no whole number of pages or records
FEW: Final = 5  # records at most that still fit in when a larger one does not any more: each takes a page
STORE: Final = 4 * 1024 * 1024  # bytes that JetStream may use
PIECE: Final = 50_000  # bytes of each message of those that are in the way
FILLING: Final = "filling"  # the name of a file or stream that is in the way
SMALL: Final = (
    "--history-bytes",
    "1000000",
)  # JetStream keeps room for the whole log, and has too little for the usual
AGE: Final = 4  # seconds after which a log of few pages has room again
# Whoever writes beyond the limit of files is killed, unless it ignores the signal; Python does by itself.
SURVIVING: Final = ("/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh")


class Surviving(RedisServer):
    """A Redis that is told of a write beyond the limit of files as of any that fails."""

    def command(self) -> Sequence[str]:
        """Return the words that start it."""
        return (*SURVIVING, *super().command())


def always(folder: Path) -> Surviving:
    """Return a Redis that writes each record to the disk before it says so."""
    return Surviving(folder, "--appendonly", "yes", "--appendfsync", "always")


class Bounded(NatsServer):
    """A NATS whose streams together may not be larger than `STORE`."""

    def command(self) -> Sequence[str]:
        """Return the words that start it."""
        words = super().command()
        configuration = self.folder / "nats.conf"
        text = configuration.read_text()
        configuration.write_text(text.replace("sync_interval", f"max_file_store: {STORE}, sync_interval"))
        return words


class Room:
    """What a log has room in.

    Args:
        log: The log.
        folder: Where its files are.

    Attributes:
        options: More words for the nodes' command line.
        patience: Seconds that it takes until room that was made is there.
        served: Whether it is the server that makes room, which therefore has to run.
    """

    options: tuple[str, ...] = ()
    patience = 0.0
    served = False

    def __init__(self, log: Log, folder: Path) -> None:
        self.log = log
        self.folder = folder

    async def fill(self, world: World) -> None:
        """Leave no room, but for a little."""
        raise NotImplementedError

    async def empty(self, world: World) -> None:
        """Make room again."""
        raise NotImplementedError


class FileLimit(Room):
    """Files that may not be larger than a limit: of the server's process, or of the node's if the log is in it."""

    async def fill(self, world: World) -> None:
        """Leave no room, but for a little."""
        largest = await asyncio.to_thread(self._largest)
        self._limit(world, largest + SHARE)

    async def empty(self, world: World) -> None:
        """Make room again."""
        self._limit(world, RLIM_INFINITY)

    def _largest(self) -> int:
        return max(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def _limit(self, world: World, size: int) -> None:
        server, node = self.log.server, world.nodes[0]
        if server is None and node.runs:
            prlimit(node.pid, RLIMIT_FSIZE, (size, RLIM_INFINITY))
        elif server is not None and server.process is not None:
            prlimit(server.process.pid, RLIMIT_FSIZE, (size, RLIM_INFINITY))


class Pages(Room):
    """A file of few pages: publishers fill it, and there is room again when records are old enough."""

    options = ("--history-age", str(AGE))
    patience = float(AGE)

    async def fill(self, world: World) -> None:
        """Wait until there is no room."""
        publisher = world.publisher()
        while (await publisher.publish(None, size=3000)).outcome == "acknowledged":
            pass

    async def empty(self, world: World) -> None:
        """Do nothing: the records' age does it."""


class Memory(Room):
    """Redis with a limit of its memory, and the policy to evict nothing."""

    served = True

    async def fill(self, world: World) -> None:  # noqa: ARG002
        """Leave no room."""
        await self._limit(1)

    async def empty(self, world: World) -> None:  # noqa: ARG002
        """Make room again."""
        await self._limit(0)

    async def _limit(self, size: int) -> None:
        await asyncio.to_thread(self._set, size)  # this client looks files up when it connects

    def _set(self, size: int) -> None:
        assert self.log.server is not None
        with Redis(port=self.log.server.port) as redis:
            redis.config_set("maxmemory", size)


class Store(Room):
    """JetStream with a limit of its files, most of which another stream takes."""

    options = SMALL
    served = True

    async def fill(self, world: World) -> None:  # noqa: ARG002
        """Leave no room."""
        assert self.log.server is not None
        client = await nats.connect(self.log.server.url)
        try:
            stream = client.jetstream()
            await stream.add_stream(name=FILLING, subjects=[FILLING])
            for size in (PIECE, 1):
                try:
                    while True:
                        await stream.publish(FILLING, b"x" * size)
                except ServiceUnavailableError:
                    pass
        finally:
            await client.close()

    async def empty(self, world: World) -> None:  # noqa: ARG002
        """Make room again."""
        assert self.log.server is not None
        client = await nats.connect(self.log.server.url)
        try:
            await client.jetstream().delete_stream(FILLING)
        finally:
            await client.close()


class Disk(Room):
    """A small disk of its own, which somebody else's file fills."""

    options = SMALL

    async def fill(self, world: World) -> None:  # noqa: ARG002
        """Leave no room, but for a little."""
        await asyncio.to_thread(self._fill)

    async def empty(self, world: World) -> None:  # noqa: ARG002
        """Make room again."""
        await asyncio.to_thread((self.folder / FILLING).unlink)

    def _fill(self) -> None:
        with (self.folder / FILLING).open("wb", buffering=0) as file:
            with suppress(OSError):
                while file.write(bytes(PIECE)):
                    pass
            file.truncate(file.tell() - SHARE)


@dataclass(frozen=True)
class Kind:
    """A way to have no room.

    Attributes:
        broker: Where the log is.
        room: What is full.
        server: The server that has the log; None for the usual one.
        query: What is added to the URL.
        heals: Whether the broker takes records again by itself when there is room; else it has to be started again.
        ends: Whether the broker ends when there is no room.
    """

    broker: str
    room: type[Room]
    server: Callable[[Path], RedisServer | NatsServer] | None = None
    query: str = ""
    heals: bool = True
    ends: bool = False


KINDS: Final = {
    "sqlite, file limit": Kind("sqlite", FileLimit),
    "sqlite, page limit": Kind("sqlite", Pages, query="?max_page_count=60"),
    "redis, file limit": Kind("redis", FileLimit, Surviving),
    "redis, file limit, fsync always": Kind("redis", FileLimit, always, heals=False, ends=True),
    "redis, memory limit": Kind("redis", Memory),
    "nats, store limit": Kind("nats", Store, Bounded),
    "nats, file limit": Kind("nats", FileLimit, heals=False),
}
DISKS: Final = {
    "sqlite, disk": Kind("sqlite", Disk),
    "redis, disk": Kind("redis", Disk),
    "nats, disk": Kind("nats", Disk, heals=False),
}


@asynccontextmanager
async def room(kind: Kind, folder: Path) -> AsyncIterator[Room]:
    """Make a log in a room of its own.

    Args:
        kind: One of `KINDS` or `DISKS`.
        folder: An empty one; for one of `DISKS`, a small disk of its own.
    """
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(_log(kind, folder))
        made.url += kind.query
        yield kind.room(made, folder)


def _log(kind: Kind, folder: Path) -> AbstractAsyncContextManager[Log]:
    return log(kind.broker, folder) if kind.server is None else log_on(kind.server, folder)


@asynccontextmanager
async def log_on(make: Callable[[Path], RedisServer | NatsServer], folder: Path) -> AsyncIterator[Log]:
    """Make a log on a server of one's own, without a proxy."""
    data = folder / "data"
    await asyncio.to_thread(data.mkdir)
    server = make(data)
    try:
        await asyncio.to_thread(server.start)
        yield Log(server.url, server)
    finally:
        await asyncio.to_thread(server.stop)
