"""Readers that are cancelled, closed or fail: nothing is lost for them or for others, and nothing is left."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from sse_signals import EventBroker, HistoryLimits, SignalsClient, SignalsGap
from sse_signals.cursor import scan
from sse_signals.cursor.local import Subscription
from sse_signals.cursor.node import Node
from sse_signals.cursor.start import NOTHING, Live
from sse_signals.identity import ANONYMOUS
from sse_signals.model import EventId, Signal, Tail, position
from sse_signals.topics import EVERYTHING
from sse_signals.wire.frames import event
from tests.client.test_subscribe import assert_nothing_left, take
from tests.rules.loop import ManualLoop


async def test_a_reader_that_gives_up_waiting_can_go_on(catalog: SignalsClient) -> None:
    """A deadline around one step loses nothing, however often it passes."""
    got = []
    async with catalog.subscribe() as events:
        for number in range(5):
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                got.append((await waiting).message)
            await catalog.publish(number)
        got += await take(events, 5 - len(got))
    assert got == list(range(5))


async def test_a_quiet_reader_that_gave_up_waiting_is_not_told_of_a_gap() -> None:
    """What the history lost meanwhile was not for it: nothing is missing, and nothing may be said to be."""
    event_broker = EventBroker.from_url("memory://", history=HistoryLimits(count=2))
    catalog = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    async with catalog.subscribe("quiet") as events:
        waiting = asyncio.ensure_future(anext(events))
        for _ in range(5):
            await asyncio.sleep(0)
        for number in range(10):
            await catalog.publish(number, topic="other")
            await asyncio.sleep(0)
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        asked = asyncio.ensure_future(take(events, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        await catalog.publish("at last", topic="quiet")
        assert await asked == ["at last"]


async def test_an_event_that_waits_when_a_reader_comes_back_is_not_skipped() -> None:
    """Taken by the node, not yet flushed, and the reader asks again in that very moment."""
    node = Node(ManualLoop(), HistoryLimits(), lambda: 0)
    node.load(Tail(EventId("abcdefgh", 0)))
    events = Subscription(node, EVERYTHING, ANONYMOUS, None)
    events.open(Live(), NOTHING)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    node.take([event(EventId("abcdefgh", position(1)), 0, Signal(b'"now"'))])
    got = await anext(events)
    assert not isinstance(got, SignalsGap)
    assert got.message == "now"


async def listen(catalog: SignalsClient) -> None:
    """Listen until cancelled."""
    async with catalog.subscribe() as events:
        async for _ in events:
            pass


async def test_a_cancelled_reader_leaves_nothing(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """Wherever it is when it is cancelled: opening, waiting or reading."""
    for turns in range(12):
        task = asyncio.ensure_future(listen(catalog))
        for turn in range(turns):
            await asyncio.sleep(0)
            if turn > 6:
                await catalog.publish(turn)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}
    async with catalog.subscribe() as events:
        await catalog.publish("well")
        assert await take(events, 1) == ["well"]
    assert_nothing_left(event_broker)


async def test_one_cancelled_reader_disturbs_no_other(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """Those who stay get everything, and the last who leaves takes the rest along."""
    async with catalog.subscribe() as events:
        waiting = asyncio.ensure_future(take(events, 3))
        for number in range(3):
            task = asyncio.ensure_future(listen(catalog))
            await asyncio.sleep(0)
            await catalog.publish(number)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        assert await waiting == [0, 1, 2]
    assert_nothing_left(event_broker)


async def test_an_error_of_the_reader_s_own_leaves_nothing(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """It passes through, and the subscription is given up."""
    with pytest.raises(ZeroDivisionError):
        async with catalog.subscribe():
            raise ZeroDivisionError
    assert_nothing_left(event_broker)


async def test_an_error_in_on_gap_reaches_the_reader(catalog: SignalsClient) -> None:
    """It is not swallowed; the gap has been told, and the iteration can go on."""

    def fail(gap: object) -> None:
        raise ZeroDivisionError(gap)

    async with catalog.subscribe(last_event_id="nonsense", on_gap=fail) as events:
        with pytest.raises(ZeroDivisionError):
            await take(events, 1)
        await catalog.publish(1)
        assert await take(events, 1) == [1]


async def test_after_the_end_the_iteration_ends(catalog: SignalsClient) -> None:
    """Who still holds the iterator gets what had been read, then the end, and is not left waiting."""
    async with catalog.subscribe() as events:
        waiting = asyncio.ensure_future(anext(events, None))
        await asyncio.sleep(0)
    async with asyncio.timeout(30):
        assert await waiting is None
        assert [event async for event in events] == []


async def test_reading_much_that_is_for_others_lets_the_loop_go_round(
    event_broker: EventBroker, catalog: SignalsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resume far back yields after each piece, also when nothing in it matched."""
    monkeypatch.setattr(scan, "SKIP", 1)
    start = await catalog.publish(0)
    for number in range(5000):
        await catalog.publish(number, topic="other")
    async with catalog.subscribe("a", last_event_id=start) as events:
        assert len(event_broker.service.node.history) == 5001
        await catalog.publish("end", topic="a")
        turns = 0
        reading = asyncio.ensure_future(take(events, 1))
        while not reading.done():
            turns += 1
            await asyncio.sleep(0)
        assert reading.result() == ["end"]
        assert turns > 5000 // 256


async def test_who_is_cancelled_while_leaving_has_left(event_broker: EventBroker) -> None:
    """Leaving has to wait while another comes; else the log would be followed for ever."""

    async def leave() -> None:
        await event_broker.start()
        await event_broker.stop()

    async def come() -> None:
        await event_broker.start()
        leaving.cancel()
        await event_broker.stop()

    leaving, coming = asyncio.create_task(leave()), asyncio.create_task(come())
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await coming
    assert not event_broker.service.started
