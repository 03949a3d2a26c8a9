"""A log in a file: what it is after a restart, in another event loop, and once it was closed."""

from __future__ import annotations

import asyncio
import gc
import os
from typing import TYPE_CHECKING

import pytest

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.sqlite import SqliteBroker
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, HistoryLimits, IdempotencyKey, Signal, position
from tests.brokers.sqlite_logs import Files, a_folder, messages, publish, read  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = BrokerOptions()


async def test_a_log_outlives_its_process(files: Files) -> None:
    """Epoch, ids, times, content, claims, values and idempotency keys are the same after a restart, and go on."""
    log = await files.open()
    start = await log.head()
    key = IdempotencyKey.of("me", "k", [Signal(b"4", "topic")])
    await publish(log, 1, 2, 3)
    files.clock.now_ms += 5000
    keyed = await publish(log, 4, key=key)
    await log.control(b'{"a":1}')
    await log.state.put("a/1", b"x", 60)
    assert await log.state.claim("b/1", 60)
    before = await read(log, start, 5)
    files.clock.now_ms -= 3000
    log = await files.again(log)
    assert await read(log, start, 5) == before
    assert (await log.tail(HistoryLimits())).events == before
    assert await log.head() == EventId(start.epoch, position(3))
    assert await log.state.items("a/") == [("a/1", b"x")]
    assert not await log.state.claim("b/1", 60)
    again = await publish(log, 4, key=key)
    assert (again.repeated, list(again.ids)) == (True, list(keyed.ids))
    assert (await publish(log, 5)).ids == [EventId(start.epoch, position(4))]
    assert (await read(log, start, 6))[-1].time_ms == before[-1].time_ms, "times do not run backwards either"


@pytest.mark.parametrize("count", [1, 3, 4, 6])
async def test_a_log_begins_where_it_began(files: Files, count: int) -> None:
    """Floor and events are the same after a restart, also where the floor lies inside a batch."""
    limits = HistoryLimits(count=count)
    log = await files.open(limits=limits)
    for numbers in ((1,), (2, 3), (4, 5, 6), (7,)):
        await publish(log, *numbers)
    before = await log.tail(HistoryLimits())
    assert messages(before.events) == list(range(8 - count, 8))
    log = await files.again(log, limits=limits)
    assert await log.tail(HistoryLimits()) == before


async def test_a_log_that_may_hold_more_after_a_restart_says_what_it_has_lost(files: Files) -> None:
    """The floor is no lower than what is held: a stream that has read less is told of a gap."""
    log = await files.open(limits=HistoryLimits(count=2))
    for number in range(5):
        await publish(log, number, number)
    log = await files.again(log)
    tail = await log.tail(HistoryLimits())
    assert tail.floor.position + 1 == tail.events[0].position
    assert tail.events[0].position > position(1)


async def test_numbers_go_on_when_all_is_too_old(files: Files) -> None:
    """A log of which nothing is young enough remembers where it was."""
    log = await files.open()
    (last,) = (await publish(log, 1)).ids
    files.clock.now_ms += 3_601_000
    log = await files.again(log)
    tail = await log.tail(HistoryLimits())
    assert (tail.floor, list(tail.events)) == (last, [])
    assert (await publish(log, 2)).ids == [EventId(last.epoch, position(2))]


async def test_the_file_gives_back_what_it_does_not_need(files: Files) -> None:
    """A file that was large becomes small again, a bit at each commit."""
    log = await files.open()
    await asyncio.gather(*(log.publish([Signal(b'"%b"' % (b"x" * 4000))]) for _ in range(2000)))
    log = await files.again(log, limits=HistoryLimits(count=10))
    assert await asyncio.to_thread(files.run, "SELECT count(*) FROM records") == [(2000,)]
    for number in range(20):
        await publish(log, number)
    await log.close()
    assert (await asyncio.to_thread(files.run, "SELECT count(*) FROM records"))[0][0] <= 12
    assert (await asyncio.to_thread(files.path.stat)).st_size < 3_000_000


def test_a_log_outlives_its_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed or not, it works in a second loop as in the first, and can be closed in another; its path is relative."""
    monkeypatch.chdir(tmp_path)
    log = SqliteBroker("sqlite:///log.db", HistoryLimits(), OPTIONS, logger=None)

    async def use(number: int) -> list[object]:
        await publish(log, number)
        return messages((await log.tail(HistoryLimits())).events)

    assert asyncio.run(use(1)) == [1]
    assert asyncio.run(use(2)) == [1, 2]
    asyncio.run(log.close())
    assert asyncio.run(use(3)) == [1, 2, 3]
    asyncio.run(log.close())
    asyncio.run(log.close())
    assert (tmp_path / "log.db").exists()


async def test_closing(files: Files) -> None:
    """What was handed in is in the log, followers are told, closing again is harmless, and use opens it again."""
    log = files.broker()
    await log.close()
    start = await log.head()
    following = asyncio.ensure_future(read(log, start, 2))
    await asyncio.sleep(0)
    publishing = asyncio.ensure_future(publish(log, 1))
    await asyncio.sleep(0)
    await asyncio.gather(log.close(), log.close())
    assert list((await publishing).ids) == [EventId(start.epoch, position(1))]
    with pytest.raises(BrokerUnavailable, match="closed"):
        await following
    await log.close()
    assert messages((await log.tail(HistoryLimits())).events) == [1]


async def test_closing_while_it_is_being_opened(files: Files) -> None:
    """Who waits for it to be read is told that it was closed."""
    log = files.broker()
    asking = asyncio.ensure_future(log.head())
    await asyncio.sleep(0)
    await log.close()
    with pytest.raises(BrokerUnavailable, match="closed"):
        await asking


async def test_a_follower_that_leaves_as_the_log_is_closed(files: Files) -> None:
    """It is not told any more, and nobody minds; whoever stays is told."""
    log = await files.open()
    head = await log.head()
    leaving, staying = (asyncio.ensure_future(read(log, head, 1)) for _ in range(2))
    await asyncio.sleep(0)
    closing_it = asyncio.ensure_future(log.close())
    leaving.cancel()
    for follower, error in ((leaving, asyncio.CancelledError), (staying, BrokerUnavailable)):
        with pytest.raises(error):
            await follower
    await closing_it


async def test_reading_leaves_the_collector_as_it_was(files: Files) -> None:
    """Collection is on or off after opening as it was before."""
    await (await files.open()).close()
    assert gc.isenabled()
    gc.disable()
    try:
        await files.open()
        assert not gc.isenabled()
    finally:
        gc.enable()


async def test_the_file_is_for_its_owner_alone(files: Files) -> None:
    """It holds what is meant for some people only, and so do those that SQLite makes beside it."""
    before = os.umask(0o022)
    try:
        log = await files.open()
        await publish(log, 1)
    finally:
        os.umask(before)
    assert await asyncio.to_thread(files.modes) == dict.fromkeys(
        ("log.db", "log.db-lock", "log.db-shm", "log.db-wal"), 0o600
    )
