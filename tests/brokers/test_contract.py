"""What every broker promises: see `sse_signals.interfaces.Broker`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sse_signals.model import MAX_BATCH, ControlRecord, EventId, HistoryLimits, Signal, follows, position

if TYPE_CHECKING:
    from sse_signals.interfaces import Broker
    from sse_signals.model import Event
    from tests.brokers.conftest import Logs

DEADLINE = 10  # seconds
LIMITS = HistoryLimits()


def signals(*numbers: int) -> list[Signal]:
    """Return signals that can be told apart."""
    return [Signal(b"%d" % number, f"topic-{number}") for number in numbers]


def follow(broker: Broker, after: EventId) -> Any:
    """Return the log from an id on, as a generator that can be closed."""
    return broker.follow(after)


async def read(broker: Broker, after: EventId, count: int) -> list[Event]:
    """Follow the log until ``count`` events have come."""
    events: list[Event] = []
    async with asyncio.timeout(DEADLINE), aclosing(follow(broker, after)) as pieces:
        async for piece in pieces:
            assert piece, "an empty piece says nothing"
            events += piece
            if len(events) >= count:
                break
    assert len(events) == count
    return events


async def test_a_new_log_is_empty(broker: Broker) -> None:
    """Its head is the place before the first event, and its tail says the same."""
    head = await broker.head()
    tail = await broker.tail(LIMITS)
    assert (tail.floor, list(tail.events)) == (head, [])
    receipt = await broker.publish(signals(1))
    assert follows(head.position, receipt.ids[0].position)


async def test_every_log_has_an_epoch_of_its_own(logs: Logs) -> None:
    """An id of one log is never taken for one of another; the epoch is long enough that nobody meets it twice."""
    epochs = {(await (await logs.open()).head()).epoch for _ in range(10)}
    assert len(epochs) == 10
    for epoch in epochs:
        assert EventId.parse(f"{epoch}-1") == EventId(epoch, position(1))


async def test_events_come_in_the_order_in_which_they_were_published(broker: Broker) -> None:
    """Ids only grow, one follows the other, and content, address, targets and name are what was sent."""
    start = await broker.head()
    sent = [
        Signal(b'{"a":1}', "topic", None, None),
        Signal(b'"x"', None, frozenset(), "created"),
        Signal(b"null", "a:b", frozenset({"group:default/a", "user:default/b"}), None),
    ]
    ids = [(await broker.publish([signal])).ids[0] for signal in sent]
    events = await read(broker, start, 3)
    assert [EventId(e.epoch, e.position) for e in events] == ids
    assert [(e.address, e.targets) for e in events] == [(s.address, s.targets) for s in sent]
    assert [e.message for e in events] == [{"a": 1}, "x", None]
    assert b"event: created\n" in events[1].frame
    places = [start.position, *(e.position for e in events)]
    assert all(follows(one, other) for one, other in pairwise(places))


async def test_a_batch_is_one_record(broker: Broker) -> None:
    """All signals of one request share a record, in their order; the next request is the next record."""
    start = await broker.head()
    batch = await broker.publish(signals(*range(MAX_BATCH)))
    single = await broker.publish(signals(-1))
    assert [str(i).partition("-")[2] for i in batch.ids[:3]] == ["1", "1.1", "1.2"]
    assert str(single.ids[0]).endswith("-2")
    events = await read(broker, start, MAX_BATCH + 1)
    assert [e.message for e in events] == [*range(MAX_BATCH), -1]
    assert [EventId(e.epoch, e.position) for e in events] == [*batch.ids, *single.ids]


async def test_a_batch_is_never_seen_in_part(broker: Broker) -> None:
    """Batches published at the same time do not mix."""
    start = await broker.head()
    await asyncio.gather(*(broker.publish(signals(n, n, n)) for n in range(20)))
    messages = [e.message for e in await read(broker, start, 60)]
    assert all(len(set(messages[at : at + 3])) == 1 for at in range(0, 60, 3))
    assert len(set(messages)) == 20


async def test_the_head_is_the_newest_event(broker: Broker) -> None:
    """After each publish the head is its last id."""
    for numbers in ((1,), (2, 3, 4), (5,)):
        receipt = await broker.publish(signals(*numbers))
        assert await broker.head() == receipt.ids[-1]


async def test_a_control_record_has_its_place(broker: Broker) -> None:
    """It takes a number of its own, is the head, reaches who follows and who starts, and is for no stream."""
    start = await broker.head()
    ids = [*(await broker.publish(signals(1, 2))).ids, await broker.control(b'{"a":1}')]
    assert await broker.head() == ids[-1]
    ids += (await broker.publish(signals(3))).ids
    for events in (await read(broker, start, 4), list((await broker.tail(LIMITS)).events)):
        assert [EventId(e.epoch, e.position) for e in events] == ids
        assert [isinstance(e, ControlRecord) for e in events] == [False, False, True, False]
        record = events[2]
        assert isinstance(record, ControlRecord)
        assert (record.control, record.targets, record.frame) == (b'{"a":1}', frozenset(), b"")
    assert [place.position >> 10 for place in ids] == [1, 1, 2, 3]


async def test_a_follower_starts_after_any_id(broker: Broker) -> None:
    """Whatever the id, also one inside a batch, exactly what comes after it is yielded."""
    start = await broker.head()
    ids = [start]
    for numbers in ((0,), (1, 2, 3), (4,), (5, 6)):
        ids += (await broker.publish(signals(*numbers))).ids
    for given, event_id in enumerate(ids[:-1]):
        assert [e.message for e in await read(broker, event_id, 7 - given)] == list(range(given, 7))


async def test_a_follower_gets_what_comes_later(broker: Broker) -> None:
    """At the end of the log it waits, and wakes for each record."""
    pieces = follow(broker, await broker.head())
    for number in range(5):
        waiting = asyncio.ensure_future(anext(pieces))
        await asyncio.sleep(0)
        assert not waiting.done()
        await broker.publish(signals(number))
        async with asyncio.timeout(DEADLINE):
            assert [e.message for e in await waiting] == [number]
    await pieces.aclose()


async def test_many_followers_get_the_same(broker: Broker) -> None:
    """Each follower has its own place, and all get everything."""
    start = await broker.head()
    readers = [asyncio.ensure_future(read(broker, start, 50)) for _ in range(10)]
    for number in range(50):
        await broker.publish(signals(number))
        await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE):
        for events in await asyncio.gather(*readers):
            assert [e.message for e in events] == list(range(50))


async def test_no_piece_divides_a_record(broker: Broker) -> None:
    """A reader that stops between two pieces never stands inside a batch, where the ids could not show a hole."""
    pieces = follow(broker, await broker.head())
    for numbers in ((0,), range(MAX_BATCH), range(MAX_BATCH), (1, 2), (3,)):
        await broker.publish(signals(*numbers))
    head, last = (await broker.head()).position, 0
    async with asyncio.timeout(DEADLINE):
        while last != head:
            piece = await anext(pieces)
            assert piece[0].position == position(piece[0].position >> 10)
            last = piece[-1].position
    await pieces.aclose()


async def test_following_from_another_epoch_shows_as_a_jump(broker: Broker) -> None:
    """A node that knew another log gets everything that is held, and sees the new epoch in the ids."""
    await broker.publish(signals(1, 2))
    events = await read(broker, EventId("zyxwvuts", position(10**6)), 2)
    assert [e.message for e in events] == [1, 2]
    assert {e.epoch for e in events} == {(await broker.head()).epoch}


async def test_what_is_no_longer_held_shows_as_a_jump(timed_logs: Logs) -> None:
    """A follower that comes too late gets what is left, and sees the hole in the ids."""
    broker = await timed_logs.open(HistoryLimits(count=3))
    start = await broker.head()
    for number in range(10):
        await broker.publish(signals(number))
    events = await read(broker, start, 3)
    assert [e.message for e in events] == [7, 8, 9]
    assert not follows(start.position, events[0].position)


async def test_a_follower_that_is_overtaken_sees_the_hole(timed_logs: Logs) -> None:
    """Also one that was already reading: nothing is left out silently."""
    broker = await timed_logs.open(HistoryLimits(count=3))
    pieces = follow(broker, await broker.head())
    await broker.publish(signals(0))
    async with asyncio.timeout(DEADLINE):
        (first,) = await anext(pieces)
        for number in range(1, 10):
            await broker.publish(signals(number))
        second = await anext(pieces)
    assert [e.message for e in second] == [7, 8, 9]
    assert not follows(first.position, second[0].position)
    await pieces.aclose()


async def test_events_are_held_for_their_time(timed_logs: Logs) -> None:
    """Older events are dropped when newer ones come, and the tail's floor says where it starts."""
    logs = timed_logs
    broker = await logs.open(HistoryLimits(age=60))
    old = await broker.publish(signals(1, 2))
    logs.clock.now_ms += 61_000
    await broker.publish(signals(3))
    tail = await broker.tail(LIMITS)
    assert tail.floor == old.ids[-1]
    assert [e.message for e in tail.events] == [3]


async def test_a_tail_is_within_the_limits_asked_for(broker: Broker) -> None:
    """The newest events, and the id that the first of them follows."""
    ids = [await broker.head()]
    for numbers in ((0,), (1, 2, 3), (4,)):
        ids += (await broker.publish(signals(*numbers))).ids
    for count in range(1, 8):
        tail = await broker.tail(HistoryLimits(count=count))
        held = min(count, 5)
        assert [e.message for e in tail.events] == list(range(5 - held, 5))
        assert tail.floor == ids[5 - held]


async def test_times_never_run_backwards(timed_logs: Logs) -> None:
    """The clock may jump back, the log's times do not; they go on with the clock once it has caught up."""
    logs, broker = timed_logs, await timed_logs.open()
    start = await broker.head()
    begin = logs.clock.now_ms
    for moved in (0, 5000, -3_600_000, 4000, 6000):
        logs.clock.now_ms = begin + moved
        await broker.publish(signals(1, 2))
    times = [e.time_ms - begin for e in await read(broker, start, 10)]
    assert times == [0, 0, 5000, 5000, 5000, 5000, 5000, 5000, 6000, 6000]


async def test_a_cancelled_publisher_does_not_take_back_what_it_handed_in(broker: Broker) -> None:
    """Wherever a publisher is cancelled, the log holds its whole batch or nothing of it, and goes on."""
    start = await broker.head()
    for turns in range(5):
        task = asyncio.ensure_future(broker.publish(signals(*[turns] * 3)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await broker.publish(signals(99))
    count = ((await broker.head()).position >> 10) - (start.position >> 10)
    events = await read(broker, start, (count - 1) * 3 + 1)
    messages = [e.message for e in events]
    assert messages[-1] == 99
    assert all(messages.count(number) == 3 for number in set(messages) - {99})
