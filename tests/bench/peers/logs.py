"""What the brokers are measured beside: bare loops of the clients they use, and of the disk."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any, Final

import nats
import redis.asyncio

from sse_signals.brokers.records import encode
from tests.bench.appending import Appended, drive, request, rest

if TYPE_CHECKING:
    from pathlib import Path

_NAME: Final = "bench"
_FIELD: Final = "r"
_TIMEOUT: Final = 10.0  # seconds
_LINE: Final = b"x" * 100


class BareRedis:
    """Every publisher calls redis-py by itself, and so has a connection of its own while it waits."""

    def __init__(self, url: str) -> None:
        self._client = redis.asyncio.Redis.from_url(url)
        self._count = 0

    async def open(self) -> None:
        """See `tests.bench.appending.Appender.open`."""
        await self._client.ping()

    async def busy(self, publishers: int, batch: int, seconds: float) -> Appended:
        """See `tests.bench.appending.Appender.busy`."""
        record = encode(request(0, rest(batch)))
        done = await drive(lambda _: self._append(record), publishers, seconds=seconds)
        self._count += done.count
        held = await self._client.xlen(_NAME)
        if held != self._count:
            raise RuntimeError(f"{self._count} were acknowledged, and {held} are there")
        return done

    async def close(self) -> None:
        """See `tests.bench.appending.Appender.close`."""
        await self._client.aclose()

    async def _append(self, record: bytes) -> None:
        await self._client.xadd(_NAME, {_FIELD: record})


class PipelinedRedis(BareRedis):
    """What publishers have to append while a round trip is under way goes with the next one, in one pipeline."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._waiting: list[tuple[bytes, asyncio.Future[None]]] = []
        self._sending: asyncio.Task[None] | None = None

    async def _append(self, record: bytes) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        await done

    async def _send(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            pipeline = self._client.pipeline(transaction=False)
            for record, _ in taken:
                pipeline.xadd(_NAME, {_FIELD: record})
            await pipeline.execute()
            for _, done in taken:
                done.set_result(None)
        self._sending = None


class BareNats:
    """Every publisher calls nats-py by itself; all share one connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._count = 0
        self._client: Any = None
        self._stream: Any = None

    async def open(self) -> None:
        """See `tests.bench.appending.Appender.open`."""
        self._client = await nats.connect(self._url)
        self._stream = self._client.jetstream(timeout=_TIMEOUT)
        await self._stream.add_stream(name=_NAME, subjects=[_NAME])

    async def busy(self, publishers: int, batch: int, seconds: float) -> Appended:
        """See `tests.bench.appending.Appender.busy`."""
        record = encode(request(0, rest(batch)))
        done = await drive(lambda _: self._stream.publish(_NAME, record), publishers, seconds=seconds)
        self._count += done.count
        held = (await self._stream.stream_info(_NAME)).state.messages
        if held != self._count:
            raise RuntimeError(f"{self._count} were acknowledged, and {held} are there")
        return done

    async def close(self) -> None:
        """See `tests.bench.appending.Appender.close`."""
        await self._client.close()


class Disk:
    """Appends 100 bytes to a file and waits until the disk has them, again and again; there is one publisher."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "disk", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def open(self) -> None:
        """See `tests.bench.appending.Appender.open`."""

    async def busy(self, _publishers: int, _batch: int, seconds: float) -> Appended:
        """See `tests.bench.appending.Appender.busy`."""
        return await drive(self._append, 1, seconds=seconds)

    async def close(self) -> None:
        """See `tests.bench.appending.Appender.close`."""
        os.close(self._file)

    async def _append(self, _number: int) -> None:
        os.write(self._file, _LINE)
        os.fdatasync(self._file)
