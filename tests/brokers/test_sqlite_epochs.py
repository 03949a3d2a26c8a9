"""A log in a file that is not where it was left: its positions are not given to other records without saying so."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import INDEX_MASK, EventId, Fork, HistoryLimits, IdempotencyKey, Signal, position
from tests.brokers.sqlite_logs import DEADLINE, Files, a_folder, messages, publish, read  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from sse_signals.brokers.sqlite import SqliteBroker

LIMITS = HistoryLimits()


async def copied_at_two(files: Files) -> tuple[SqliteBroker, Path]:
    """Return a log with the records 1, 2 and 3, and a copy of it as it was after 2."""
    log = await files.open()
    await publish(log, 1)
    await publish(log, 2, 2)
    await log.close()
    copy = files.path.with_name("copy.db")
    for suffix in ("", "-lock"):
        await asyncio.to_thread(shutil.copy, f"{files.path}{suffix}", f"{copy}{suffix}")
    await publish(log, 3)
    return log, copy


def put_back(files: Files, copy: Path, how: str) -> None:
    """Put the copy in the place of the log: its bytes into the same file, or as another file."""
    files.forget_journal()
    if how == "another file with its lock":
        copy.with_name("copy.db-lock").replace(files.path.with_name("log.db-lock"))
    if how == "same file":
        files.path.write_bytes(copy.read_bytes())
    else:
        copy.replace(files.path)


@pytest.mark.parametrize("how", ["same file", "another file", "another file with its lock"])
async def test_an_older_copy_is_put_back(files: Files, how: str) -> None:
    """The log has a new epoch from then on: earlier ids are good up to where the copy ends, and not above."""
    log, copy = await copied_at_two(files)
    old = await log.head()
    await log.close()
    await asyncio.to_thread(put_back, files, copy, how)
    log = await files.open()
    (new,) = (await publish(log, 4)).ids
    assert (new.position, new.epoch == old.epoch) == (old.position, False), "the same place has another id"
    tail = await log.tail(LIMITS)
    assert tail.lineage is not None
    assert tail.lineage.shared(old.epoch) == position(2, INDEX_MASK)
    assert [event.epoch == old.epoch for event in tail.events] == [True, True, True, False]
    for after, expected in ((1, [2, 2, 4]), (2, [2, 4]), (3, [4])):
        fork, *events = await read(log, EventId(old.epoch, (await ids(log))[after - 1]), len(expected) + 1)
        assert isinstance(fork, Fork)
        assert (fork.epoch, fork.position) == (new.epoch, (await ids(log))[after - 1])
        assert messages(events) == expected
    fork, event = await read(log, old, 2)
    assert (fork.position, event.message) == (position(2, INDEX_MASK), 4)
    (told,) = files.told
    assert told == {
        "event": "the log is not where it was left: it gets a new epoch",
        "file": str(files.path),
    }


async def ids(log: SqliteBroker) -> list[int]:
    """Return the positions of what a log holds."""
    return [event.position for event in (await log.tail(LIMITS)).events]


async def test_a_new_epoch_lasts(files: Files) -> None:
    """The log opens with it the next time, and gets no other; the ids of before are what they were."""
    log, copy = await copied_at_two(files)
    await log.close()
    await asyncio.to_thread(put_back, files, copy, "another file")
    log = await files.open()
    await publish(log, 4)
    before = await log.tail(LIMITS)
    for _ in range(3):
        log = await files.again(log)
        assert await log.tail(LIMITS) == before


async def test_an_older_copy_is_put_back_under_a_running_log(files: Files) -> None:
    """It is seen before anything is published to it: who follows is told, and gets what comes in the new epoch."""
    log, copy = await copied_at_two(files)
    old = await log.head()
    async with asyncio.timeout(DEADLINE), aclosing(log.follow(old)) as pieces:
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        await asyncio.to_thread(put_back, files, copy, "another file")
        receipt = await publish(log, 4)
        ((fork,), (event,)) = [await waiting, await anext(pieces)]
    assert isinstance(fork, Fork)
    assert (fork.lineage.shared(old.epoch), fork.position) == (position(2, INDEX_MASK),) * 2
    assert (event.message, event.id) == (4, str(receipt.ids[0]))
    assert event.position == old.position
    assert event.epoch != old.epoch


async def test_a_key_of_an_earlier_epoch_has_its_ids(files: Files) -> None:
    """A repeat of what was published before the log got its epoch returns the ids that it had."""
    signals = [Signal(b"1")]
    key = IdempotencyKey.of("me", "k", signals)
    log = await files.open()
    first = await log.publish(signals, key=key)
    await log.close()
    await asyncio.to_thread(files.path.with_name("log.db-lock").unlink)
    log = await files.open()
    assert (await log.head()).epoch != first.ids[0].epoch, "nobody can tell whether it is where it was left"
    assert list((await log.publish(signals, key=key)).ids) == list(first.ids)


async def test_the_file_is_deleted_under_a_running_log(files: Files) -> None:
    """The log is another one then, and empty; who followed it is told, and the lock is made anew."""
    log = await files.open()
    await publish(log, 1)
    old = await log.head()
    following = asyncio.ensure_future(read(log, old, 1))
    await asyncio.sleep(0)

    def delete() -> None:
        for path in files.path.parent.glob("log.db*"):
            path.unlink()

    await asyncio.to_thread(delete)
    (new,) = (await publish(log, 2)).ids
    with pytest.raises(BrokerUnavailable, match="another log"):
        await following
    assert (new.position, new.epoch == old.epoch) == (position(1), False)
    assert messages(await read(log, old, 1)) == [2], "of a log that is not known, everything"
    assert await asyncio.to_thread(files.path.with_name("log.db-lock").exists)


@pytest.mark.parametrize(
    ("synchronous", "well", "same"),
    [("normal", False, False), ("normal", True, True), ("full", False, True), ("full", True, True)],
)
async def test_the_machine_has_failed(
    files: Files, monkeypatch: pytest.MonkeyPatch, synchronous: Any, *, well: bool, same: bool
) -> None:
    """What had not waited for the disk may be lost after a new start of the machine, unless the log was closed."""
    log = await files.open(sqlite_synchronous=synchronous)
    (one,) = (await publish(log, 1)).ids
    if not well:
        monkeypatch.setattr("sse_signals.brokers.sqlite_file.closed_well", lambda _: None)
    await log.close()
    boot = files.path.with_name("boot")
    await asyncio.to_thread(boot.write_text, "another\n")
    monkeypatch.setattr("sse_signals.brokers.sqlite_origin.BOOT", boot)
    log = await files.open(sqlite_synchronous=synchronous)
    assert ((await log.head()).epoch == one.epoch) is same
    assert (await publish(log, 2)).ids[0].position == position(2)


async def test_a_machine_that_does_not_say_when_it_was_started(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, nobody can tell; the log works all the same."""
    monkeypatch.setattr("sse_signals.brokers.sqlite_origin.BOOT", files.path.with_name("none"))
    log = await files.open(sqlite_synchronous="normal")
    (one,) = (await publish(log, 1)).ids
    log = await files.again(log, sqlite_synchronous="normal")
    assert await log.head() == one


@pytest.mark.parametrize(("lost", "held"), [(2, [3, 4]), (4, []), (1, [2, 3, 4])])
async def test_a_record_that_cannot_be_read_leaves_a_hole(files: Files, lost: int, held: list[int]) -> None:
    """What a later version has written, for instance: the log begins after it, and its number is not used again."""
    log = await files.open()
    for number in range(1, 5):
        await publish(log, number)
    head = await log.head()
    await log.close()
    statement = "UPDATE records SET data = ? WHERE record = ?"
    await asyncio.to_thread(files.run, statement, b'{"v":9}', lost)
    log = await files.open()
    tail = await log.tail(LIMITS)
    assert (tail.floor, messages(tail.events)) == (EventId(head.epoch, position(lost, INDEX_MASK)), held)
    assert (await publish(log, 5)).ids == [EventId(head.epoch, position(5))]


async def test_a_lineage_that_cannot_be_read(files: Files) -> None:
    """A file that somebody has changed is no reason to give ids twice."""
    log = await files.open()
    await log.close()
    await asyncio.to_thread(files.run, "UPDATE about SET value = '{}' WHERE name = 'lineage'")
    with pytest.raises(BrokerUnavailable, match="no lineage"):
        await log.open()


async def test_a_note_that_says_nothing(files: Files) -> None:
    """A lock without a head in it counts as none: the log gets a new epoch."""
    log = await files.open()
    (one,) = (await publish(log, 1)).ids
    await log.close()
    await asyncio.to_thread(files.path.with_name("log.db-lock").write_text, "?")
    log = await files.open()
    assert (await log.head()).epoch != one.epoch
