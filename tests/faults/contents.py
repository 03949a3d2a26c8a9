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
from nats.js.api import AckPolicy, ConsumerConfig
from redis import Redis

if TYPE_CHECKING:
    from tests.faults.logs import Log

CONTENT = re.compile(rb'"content":"([^"]*)"')
PIECE = 500  # records that are asked for at once
PATIENCE = 20.0  # seconds that a server gets to answer, which has just been started


async def contents(log: Log) -> set[str]:
    """Return the contents of all signals in a log that is in a file, or on a server that runs."""
    if log.file is not None:
        records = await asyncio.to_thread(_of_file, log.file)
    elif log.server is not None and log.server.scheme == "redis":
        records = await asyncio.to_thread(_of_redis, log.server.port)
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


def _of_redis(port: int) -> list[bytes]:
    with Redis(port=port) as redis:
        entries: Any = redis.xrange("sse_signals:{signals}:log")
        return [data for _, fields in entries for data in fields.values()]


async def _of_nats(url: str) -> list[bytes]:
    client = await nats.connect(url)
    try:
        stream = client.jetstream(timeout=PATIENCE)
        about = await stream.stream_info("signals", subjects_filter="signals.0")
        count = (about.state.subjects or {}).get("signals.0", 0)
        unheard = ConsumerConfig(ack_policy=AckPolicy.NONE)
        reader = await stream.pull_subscribe("signals.0", stream="signals", config=unheard)
        records: list[bytes] = []
        while len(records) < count:
            records += [message.data for message in await reader.fetch(PIECE, timeout=PATIENCE)]
        return records
    finally:
        await client.close()
