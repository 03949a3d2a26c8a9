"""Whether the file of a log is where it was left, or somebody has put an older one in its place.

A log that lost its newest records would give their ids to others. So it gets a new epoch when it is opened, if its head
is lower than what was noted of it; or if it is another file than it was (a copy that was put back); or if the machine
was started anew after commits that had not waited for the disk. Where nothing was lost after all, a new epoch does no
harm: ids of the old one stay good.
"""

from __future__ import annotations

import gc
import sqlite3
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals.brokers import records
from sse_signals.brokers.epochs import new_epoch
from sse_signals.history import History
from sse_signals.lineage import Lineage
from sse_signals.model import INDEX_MASK, EventId, HistoryLimits, Tail, position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.brokers.sqlite_place import Known

BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def lineage_of(
    connection: sqlite3.Connection, head: int, *, known: Known | None, inode: int, waits: bool
) -> tuple[Lineage, bool]:
    """Return a log's lineage, and whether it has a new epoch since it is not where it was left; the file says so then.

    Args:
        connection: To the file.
        head: The number of its newest record.
        known: What was noted of the log.
        inode: Of the file. Not of its device, whose number may be another after each start of the machine.
        waits: Whether commits will wait for the disk.

    Raises:
        ValueError: The file says something else than a lineage.
    """
    about: dict[str, str] = dict(connection.execute("SELECT name, value FROM about"))
    lineage = Lineage.from_json(orjson.loads(about["lineage"]))
    boot = BOOT.read_text().strip() if BOOT.exists() else ""
    left_so = known is not None and known.epoch == lineage.epoch and known.record <= head
    forks = "inode" in about and not (left_so and about["inode"] == str(inode) and about["boot"] in ("", boot))
    if forks:
        last = head if known is None or known.epoch != lineage.epoch else min(head, known.record)
        lineage = lineage.fork(new_epoch(), position(last, INDEX_MASK))
    now = {"boot": "" if waits else boot, "inode": str(inode), "lineage": orjson.dumps(lineage.to_json()).decode()}
    if now != about:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", now.items())
        connection.execute("COMMIT")
    return lineage, forks


def closed_well(connection: sqlite3.Connection) -> None:
    """Wait for the disk, and note that it has everything; where that fails, the next start assumes it has not."""
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("UPDATE about SET value = '' WHERE name = 'boot'")


def tail_of(connection: sqlite3.Connection, head: int, lineage: Lineage, limits: HistoryLimits, now_ms: int) -> History:
    """Return the newest records that the limits allow.

    A record that cannot be read leaves a hole that a history cannot have: it begins after the last one.

    Args:
        connection: To the file.
        head: The number of the newest record.
        lineage: Of the log.
        limits: How much to hold.
        now_ms: The time.
    """
    with _no_collection():
        return _tail_of(connection, head, lineage, limits, now_ms)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Collect no cycles meanwhile: there are none, and to look for them again and again stops the event loop."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _tail_of(
    connection: sqlite3.Connection, head: int, lineage: Lineage, limits: HistoryLimits, now_ms: int
) -> History:
    history = History(limits, EventId(lineage.epoch, 0))
    history.load(Tail(EventId(lineage.epoch, 0), lineage=lineage))
    for record, time_ms, data in connection.execute("SELECT record, time_ms, data FROM records ORDER BY record"):
        events = records.decode(data, lineage.epoch_at(position(record)), record, time_ms)
        if events is not None:
            if not history.continues(events[0]):
                history.load(_before(record, lineage))
            for event in events:
                history.append(event)
    if records.record_of(history.head) < head:
        history.load(_before(head + 1, lineage))
    history.trim(now_ms)
    return history


def _before(record: int, lineage: Lineage) -> Tail:
    return Tail(EventId(lineage.epoch, position(record - 1, INDEX_MASK)), lineage=lineage)
