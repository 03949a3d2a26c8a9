from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import EventBroker, HistoryLimits, Identity, InvalidInput, SignalsClient, SignalsGap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals import SignalEvent

DEADLINE = 30  # seconds
OWNER = Identity("user:default/x", frozenset({"group:default/a"}))


async def take(events: AsyncIterator[SignalEvent], count: int) -> list[Any]:
    """Return the messages of the next events."""
    async with asyncio.timeout(DEADLINE):
        return [(await anext(events)).message for _ in range(count)]


def assert_nothing_left(event_broker: EventBroker) -> None:
    """Check that no task, stream, group or owner is left."""
    assert asyncio.all_tasks() == {asyncio.current_task()}
    hub = event_broker.service.node.hub
    assert (len(hub.streams), hub.groups, hub.owners) == (0, 0, 0)
    assert not event_broker.service.ready


async def test_a_subscriber_gets_what_comes(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """Each event has an id, a time, an address and a message, and at the end nothing is left."""
    async with catalog.subscribe("my-topic") as events:
        event_id = await catalog.publish({"test": "test"}, topic="my-topic")
        async with asyncio.timeout(DEADLINE):
            async for event in events:
                assert (event.id, event.address, event.message) == (event_id, "catalog:my-topic", {"test": "test"})
                assert abs((datetime.now(UTC) - event.time).total_seconds()) < 60
                break
    assert_nothing_left(event_broker)


@pytest.mark.parametrize(
    ("filters", "got"),
    [
        ([], ["own", "whole", "a"]),
        (["a"], ["a"]),
        (["*"], ["own", "a"]),
        (["ow*", "a"], ["own", "a"]),
        (["orders:*"], ["orders-a"]),
        (["orders:a", "own"], ["own", "orders-a"]),
        (["nothing"], []),
    ],
)
async def test_filters_are_the_plugin_s_own_unless_they_hold_a_colon(
    catalog: SignalsClient, orders: SignalsClient, filters: list[str], got: list[str]
) -> None:
    """A plugin hears its own topics by their name, and another plugin's by its address; no filter is all its own."""
    async with catalog.subscribe(*filters, "end") if filters else catalog.subscribe() as events:
        await catalog.publish("own", topic="own")
        await catalog.publish("whole")
        await orders.publish("orders-whole")
        await orders.publish("orders-a", topic="a")
        await catalog.publish("a", topic="a")
        await catalog.publish("end", topic="end")
        expected = [*got, "end"]
        if filters and "orders-a" in got and "own" in got:
            expected = ["own", "orders-a", "end"]
        assert await take(events, len(expected)) == expected


@pytest.mark.parametrize("text", ["", "a*b", "a\n", "orders:*:x", "\u200b"])
def test_a_bad_filter_is_refused_at_once(catalog: SignalsClient, text: str) -> None:
    """Before anything is awaited, and the error names the topic."""
    with pytest.raises(InvalidInput) as caught:
        catalog.subscribe("a", text)
    assert caught.value.field == "topic"


async def test_resuming_goes_on_where_it_stopped(event_broker: EventBroker, catalog: SignalsClient) -> None:
    """What was published meanwhile, also while nobody listened at all, comes first, and nothing twice."""
    first = await catalog.publish(0)
    for number in (1, 2):
        await catalog.publish(number)
    async with catalog.subscribe(last_event_id=first) as events:
        assert await take(events, 2) == [1, 2]
        last = await catalog.publish(3)
        assert await take(events, 1) == [3]
    assert_nothing_left(event_broker)
    await catalog.publish(4)
    async with catalog.subscribe(last_event_id=last) as events:
        await catalog.publish(5)
        assert await take(events, 2) == [4, 5]


async def test_without_an_id_only_what_comes_next_is_heard(catalog: SignalsClient) -> None:
    """The past is for those who ask."""
    await catalog.publish("before")
    async with catalog.subscribe() as events:
        await catalog.publish("after")
        assert await take(events, 1) == ["after"]


async def test_a_subscription_after_the_last_one_ended_starts_afresh(
    event_broker: EventBroker, catalog: SignalsClient
) -> None:
    """Nobody listened for a while, on an empty log as on a full one: no gap, nothing old, nothing lost."""
    for number in range(3):
        async with catalog.subscribe():
            pass
        assert_nothing_left(event_broker)
        async with catalog.subscribe() as events:
            await catalog.publish(number)
            assert await take(events, 1) == [number]
        assert event_broker.service.node.holes == 0


@pytest.mark.parametrize(
    ("last_event_id", "reason"), [("nonsense", "unknown-id"), ("zyxwvuts-7", "epoch"), ("", "unknown-id")]
)
async def test_a_gap_is_raised(catalog: SignalsClient, last_event_id: str, reason: str) -> None:
    """A place that means nothing here is told once; then the iteration goes on."""
    await catalog.publish("before")
    async with catalog.subscribe(last_event_id=last_event_id) as events:
        with pytest.raises(SignalsGap) as caught:
            await take(events, 1)
        assert caught.value.reason == reason
        assert caught.value.after == (last_event_id if reason == "epoch" else None)
        assert caught.value.resumes_after
        await catalog.publish("after")
        expected = ["before", "after"] if reason == "epoch" else ["after"]
        assert await take(events, len(expected)) == expected


async def test_a_gap_is_told_to_whoever_wants_to_be_told() -> None:
    """With ``on_gap`` the iteration goes on by itself, after the call; the reason and the places are in it."""
    event_broker = EventBroker.from_url("memory://", history=HistoryLimits(count=2))
    catalog = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    gaps: list[SignalsGap] = []
    ids = [await catalog.publish(number) for number in range(5)]
    async with catalog.subscribe(last_event_id=ids[0], on_gap=gaps.append) as events:
        assert await take(events, 2) == [3, 4]
    assert [(gap.reason, gap.after, gap.resumes_after) for gap in gaps] == [("trimmed", ids[0], ids[2])]


async def test_a_slow_reader_loses_nothing_that_is_held(catalog: SignalsClient) -> None:
    """However much comes while it is busy, it reads all of it, in order."""
    async with catalog.subscribe() as events:
        for number in range(2000):
            await catalog.publish(number)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert await take(events, 2000) == list(range(2000))


async def test_a_reader_that_is_too_slow_is_told() -> None:
    """What the history lost is a gap, raised where it is, and then come the events that are left."""
    event_broker = EventBroker.from_url("memory://", history=HistoryLimits(count=10))
    catalog = SignalsClient.for_plugin("catalog", event_broker=event_broker)
    async with catalog.subscribe() as events:
        await catalog.publish(0)
        assert await take(events, 1) == [0]
        for number in range(1, 31):
            await catalog.publish(number)
        for _ in range(10):  # the node has taken it all, the reader nothing
            await asyncio.sleep(0)
        assert event_broker.service.node.head == await event_broker.service._broker.head()
        with pytest.raises(SignalsGap, match="trimmed"):
            await take(events, 1)
        assert await take(events, 10) == list(range(21, 31))


async def test_targeted_signals_need_an_identity(catalog: SignalsClient) -> None:
    """Somebody anonymous gets none, an owner its own, live and from the past."""
    async with (
        catalog.subscribe() as anonymous,
        catalog.subscribe(identity=OWNER) as owner,
        catalog.subscribe(identity=Identity("user:default/y", frozenset({"group:default/b"}))) as stranger,
    ):
        start = await catalog.publish(0)
        await catalog.publish(1, target_ownership_entity_refs=["Group:A", "group:default/c"])
        await catalog.publish(2, target_ownership_entity_refs=[])
        await catalog.publish(3)
        assert await take(owner, 3) == [0, 1, 3]
        assert await take(anonymous, 2) == await take(stranger, 2) == [0, 3]
    async with (
        catalog.subscribe(last_event_id=start) as anonymous,
        catalog.subscribe(last_event_id=start, identity=OWNER) as owner,
    ):
        assert await take(owner, 2) == [1, 3]
        assert await take(anonymous, 1) == [3]


async def test_a_targeted_event_wakes_a_waiting_reader(catalog: SignalsClient) -> None:
    """It comes to a reader that already waits as any other does."""
    async with catalog.subscribe(identity=OWNER) as events:
        waiting = asyncio.ensure_future(take(events, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        await catalog.publish("mine", target_ownership_entity_refs=["group:a"])
        assert await waiting == ["mine"]


async def test_many_subscribers_get_everything_and_leave_nothing(
    event_broker: EventBroker, catalog: SignalsClient, orders: SignalsClient
) -> None:
    """Each has its own place; whoever leaves takes nobody else along."""

    async def listen(client: SignalsClient, count: int) -> list[Any]:
        async with client.subscribe("catalog:a", "orders:a") as events:
            ready.release()
            return await take(events, count)

    ready = asyncio.Semaphore(0)
    tasks = [asyncio.ensure_future(listen(client, 10 + n)) for n in range(10) for client in (catalog, orders)]
    for _ in tasks:
        await ready.acquire()
    for number in range(30):
        await (catalog if number % 2 else orders).publish(number, topic="a")
    for number, task in enumerate(tasks):
        assert await task == list(range(10 + number // 2))
    assert_nothing_left(event_broker)


async def test_everything_of_other_plugins_can_be_heard() -> None:
    """``plugins=`` means whole plugins, their signals without a topic included."""
    event_broker = EventBroker.from_url("memory://")
    listener = SignalsClient.for_plugin("search", event_broker=event_broker)
    async with asyncio.timeout(DEADLINE), listener.subscribe("own", plugins=["orders"]) as events:
        for plugin, topic in (("orders", None), ("orders", "a"), ("search", "other"), ("search", "own")):
            publisher = SignalsClient.for_plugin(plugin, event_broker=event_broker)
            await publisher.publish(1, topic=topic)
        assert [(await anext(events)).address for _ in range(3)] == ["orders", "orders:a", "search:own"]


async def test_below_a_subscription_there_is_no_socket() -> None:
    """It has the place of a connection in the hub, but nothing that a kernel would know of."""
    event_broker = EventBroker.from_url("memory://")
    async with SignalsClient.for_plugin("a", event_broker=event_broker).subscribe():
        (stream,) = event_broker.service.node.hub.streams
        assert stream.transport.get_extra_info("socket") is None
