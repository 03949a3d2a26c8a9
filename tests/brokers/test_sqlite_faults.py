"""A log in a file whose disk is full, slow or broken: nothing is acknowledged that is not there, and it goes on."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, HistoryLimits, IdempotencyKey, Signal, position
from tests.brokers.sqlite_logs import DEADLINE, Files, a_folder, messages, publish, read  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.brokers.sqlite import SqliteBroker


async def fill(log: SqliteBroker, signals: list[Signal]) -> None:
    """Publish until it fails, each time under another key."""
    for number in range(1000):
        await log.publish(signals, key=IdempotencyKey.of("me", str(number), signals))


async def test_a_full_file(files: Files) -> None:
    """Nothing more is acknowledged, what is there can be read, and room comes as records become old enough."""
    log = await files.open(query="?max_page_count=60")
    start = await log.head()
    big = [Signal(b'"%b"' % (b"x" * 4000))]
    key = IdempotencyKey.of("me", "k", big)
    with pytest.raises(BrokerUnavailable) as caught:
        await fill(log, big)
    sent = (await log.head()).position >> 10
    assert sent > 10
    assert not caught.value.outcome_unknown
    for _ in range(3):
        with pytest.raises(BrokerUnavailable):
            await log.publish(big, key=key)
    assert len(await read(log, start, sent)) == sent
    assert await log.head() == EventId(start.epoch, position(sent))
    files.clock.now_ms += 3_700_000
    receipt = await log.publish(big, key=key)
    assert (receipt.repeated, list(receipt.ids)) == (False, [EventId(start.epoch, position(sent + 1))])
    assert len(files.told) == 1, "it is said once, and not for each publish"


class SlowDisk:
    """A clock that stops the writer's thread until it is told to go on."""

    def __init__(self, files: Files) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()
        self._clock = files.clock
        self._loop = threading.get_ident()
        files.clock = self  # type: ignore[assignment]

    def __call__(self) -> int:
        if threading.get_ident() != self._loop:
            self.reached.set()
            self.released.wait(DEADLINE)
        return self._clock()


async def test_a_disk_that_does_not_answer(files: Files) -> None:
    """Who waits is told in time, and whether it may be in the log: only what was begun. Later it can be repeated."""
    log = await files.open(timeout=1.0)
    await publish(log, 0)
    disk = SlowDisk(files)
    signals = [Signal(b"1", "topic")]
    key = IdempotencyKey.of("me", "k", signals)
    begun = asyncio.ensure_future(log.publish(signals, key=key))
    await asyncio.to_thread(disk.reached.wait, DEADLINE)
    waiting = asyncio.ensure_future(publish(log, 2))
    asking = asyncio.ensure_future(log.state.items("a"))
    caught = await asyncio.wait_for(asyncio.gather(begun, waiting, asking, return_exceptions=True), DEADLINE)
    assert [error.outcome_unknown for error in caught if isinstance(error, BrokerUnavailable)] == [True, False, False]
    disk.released.set()
    log = await files.again(log)
    again = await log.publish(signals, key=key)
    assert again.repeated
    assert messages((await log.tail(HistoryLimits())).events) == [0, 1]


async def test_closing_does_not_wait_for_ever(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer does not keep a program from ending; the file stays this process's meanwhile."""
    monkeypatch.setattr("sse_signals.brokers.sqlite._PATIENCE", 0.1)
    log = await files.open()
    disk = SlowDisk(files)
    publishing = asyncio.ensure_future(publish(log, 1))
    await asyncio.to_thread(disk.reached.wait, DEADLINE)
    await log.close()
    reopening = asyncio.ensure_future(log.tail(HistoryLimits()))
    await asyncio.sleep(0)
    disk.released.set()
    assert messages((await reopening).events) == [1]
    await publishing


class Faulty(sqlite3.Connection):
    """A connection whose statements fail when a test says so."""

    fault: Callable[[str], None] | None = None

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if Faulty.fault is not None:
            Faulty.fault(statement)
        return super().execute(statement, *values)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> type[Faulty]:
    """Have logs use connections that can be made to fail."""
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *where, **how: connect(*where, factory=Faulty, **how))
    monkeypatch.setattr(Faulty, "fault", None)
    return Faulty


def failing(beginning: str, code: int) -> Callable[[str], None]:
    """Return what lets statements with such a beginning fail as the disk would."""

    def fail(statement: str) -> None:
        if statement.startswith(beginning):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = code
            raise error

    return fail


@pytest.mark.parametrize(
    ("statement", "code", "unknown"),
    [
        ("INSERT INTO records", sqlite3.SQLITE_IOERR_READ, False),
        ("COMMIT", sqlite3.SQLITE_FULL, False),
        ("COMMIT", sqlite3.SQLITE_IOERR_WRITE, False),
        ("COMMIT", sqlite3.SQLITE_IOERR_FSYNC, True),
    ],
)
async def test_a_disk_with_errors(
    files: Files, faulty: type[Faulty], statement: str, code: int, *, unknown: bool
) -> None:
    """Only a commit of which the disk does not say whether it has it has an unknown outcome. Then all goes on."""
    log = await files.open()
    start = await log.head()
    await publish(log, 1)
    following = asyncio.ensure_future(read(log, start, 2))
    faulty.fault = staticmethod(failing(statement, code))
    for _ in range(2):
        with pytest.raises(BrokerUnavailable, match="disk I/O error") as caught:
            await publish(log, 2)
        assert caught.value.outcome_unknown is unknown
    faulty.fault = None
    await publish(log, 3)
    assert messages(await following) == [1, 3]
    assert await log.head() == EventId(start.epoch, position(2))


@pytest.mark.parametrize("synchronous", ["full", "normal"])
async def test_commits_wait_for_the_disk(files: Files, faulty: type[Faulty], synchronous: Any) -> None:
    """By default each does; by choice none does, but for the one that notes this."""
    statements: list[str] = []
    faulty.fault = statements.append
    log = await files.open(sqlite_synchronous=synchronous)
    await publish(log, 1)
    chosen = [said.rpartition(" ")[2] for said in statements if said.startswith("PRAGMA synchronous")]
    assert chosen == (["FULL"] if synchronous == "full" else ["FULL", "NORMAL"])
    if synchronous == "normal":
        commits = [at for at, said in enumerate(statements) if said == "COMMIT"]
        noted, published = commits[-2:]
        assert noted < statements.index("PRAGMA synchronous = NORMAL") < published


async def test_a_file_that_cannot_be_opened(
    files: Files, faulty: type[Faulty], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is refused for good because of an error that may pass, wherever it occurs; nor does it end the thread."""
    log = files.broker()
    for beginning in ("PRAGMA user_version", "SELECT name, value"):
        faulty.fault = staticmethod(failing(beginning, sqlite3.SQLITE_IOERR_READ))
        with pytest.raises(BrokerUnavailable, match="disk I/O error"):
            await log.open()
    faulty.fault = None
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *_, **__: failing("", sqlite3.SQLITE_CANTOPEN)(""))
        with pytest.raises(BrokerUnavailable, match="cannot be opened"):
            await log.open()
    with monkeypatch.context() as patch:
        patch.setattr(files, "clock", None)
        with pytest.raises(BrokerUnavailable, match="not callable"):
            await log.open()
    await publish(log, 1)


async def test_values_that_cannot_be_read(files: Files, faulty: type[Faulty]) -> None:
    """Who asks for them is told, and nobody else is concerned."""
    log = await files.open()
    await log.state.put("a", b"1", 60)
    faulty.fault = staticmethod(failing("SELECT key, value", sqlite3.SQLITE_IOERR_READ))
    with pytest.raises(BrokerUnavailable, match="disk I/O error"):
        await log.state.items("a")
    await publish(log, 1)
    faulty.fault = None
    assert await log.state.items("a") == [("a", b"1")]


async def test_a_file_that_another_program_has_locked(files: Files) -> None:
    """Publishing fails while somebody writes to the file by hand, and goes on when they are done."""
    log = await files.open()

    def lock() -> sqlite3.Connection:
        connection = sqlite3.connect(files.path, isolation_level=None, check_same_thread=False)
        connection.execute("BEGIN IMMEDIATE")
        return connection

    with closing(await asyncio.to_thread(lock)) as tool:
        with pytest.raises(BrokerUnavailable, match="locked") as caught:
            await publish(log, 1)
        await asyncio.to_thread(tool.execute, "ROLLBACK")
    assert not caught.value.outcome_unknown
    await publish(log, 1)


async def test_a_mark_that_cannot_be_made(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that cannot be noted beside the log hinders nobody."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    log = await files.open()
    monkeypatch.setattr(os, "pwrite", full)
    (one,) = (await publish(log, 1)).ids
    log = await files.again(log)
    assert await log.head() == one, "an older note is no reason for a new epoch"
