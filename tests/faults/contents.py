"""What a log holds, read past the hub: from the server that has it, or from the file."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats
from redis.asyncio import Redis

if TYPE_CHECKING:
    from tests.faults.logs import Log

CONTENT = re.compile(rb'"content":"([^"]*)"')
PIECE = 500  # records that are asked for at once


async def contents(log: Log) -> set[str]:
    """Return the contents of all signals in a log that is in a file, or on a server that runs."""
    if log.file is not None:
        records = await asyncio.to_thread(_of_file, log.file)
    elif log.server is not None and log.server.scheme == "redis":
        records = await _of_redis(log.server.port)
    else:
        assert log.server is not None
        records = await _of_nats(log.server.url)
    return {content.decode() for record in records for content in CONTENT.findall(record)}


def _of_file(file: Path) -> list[bytes]:
    """Read a copy: whoever reads a file may change it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(file.parent, Path(folder) / "copy") / file.name
        with closing(sqlite3.connect(copy)) as connection:
            return [data for (data,) in connection.execute("SELECT data FROM records")]


async def _of_redis(port: int) -> list[bytes]:
    async with Redis(port=port) as redis:
        entries: Any = await redis.xrange("sse_signals:{signals}:log")
        return [data for _, fields in entries for data in fields.values()]


async def _of_nats(url: str) -> list[bytes]:
    client = await nats.connect(url)
    try:
        stream = client.jetstream()
        about = await stream.stream_info("signals", subjects_filter="signals.0")
        count = (about.state.subjects or {}).get("signals.0", 0)
        reader, records = await stream.pull_subscribe("signals.0", stream="signals"), list[bytes]()
        while len(records) < count:
            records += [message.data for message in await reader.fetch(PIECE)]
        return records
    finally:
        await client.close()
