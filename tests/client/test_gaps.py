"""Gaps, places to resume, and what an event is: the same in this process as at a hub somewhere else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import EventBroker, HistoryLimits, InvalidInput, SignalsClient, SignalsGap
from sse_signals.topics import EVERYTHING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.conftest import StartHub


@pytest.fixture(params=["in process", "remote"])
async def client(request: pytest.FixtureRequest, start_hub: StartHub) -> AsyncIterator[SignalsClient]:
    """A client whose history holds two events."""
    if request.param == "remote":
        hub = await start_hub(history_count=2)
        async with SignalsClient.for_plugin("a", url=hub.url) as remote:
            yield remote
    else:
        broker = EventBroker.from_url("memory://", history=HistoryLimits(count=2))
        async with broker.subscribe(EVERYTHING):  # somebody else keeps the log followed
            yield SignalsClient.for_plugin("a", event_broker=broker)


async def test_an_event_is_the_same_everywhere(client: SignalsClient) -> None:
    """With its name, which is message where its publisher gave none."""
    async with client.subscribe() as events:
        event_id = await client.publish({"n": 'data: "message":7'}, topic="event: x", event="event: \u00e4")
        await client.publish(None)
        named, plain = await anext(events), await anext(events)
    assert (named.id, named.address, named.event) == (event_id, "a:event: x", "event: ä")
    assert named.message == {"n": 'data: "message":7'}
    assert named.time.utcoffset() is not None
    assert (plain.address, plain.event, plain.message) == ("a", "message", None)


async def test_gaps_can_be_yielded(client: SignalsClient) -> None:
    """In their place among the events; the place to resume moves with them."""
    ids = [await client.publish(number) for number in range(5)]
    async with client.subscribe(last_event_id=ids[0], gaps="yield") as events:
        assert events.last_event_id == ids[0]
        gap = await anext(events)
        assert isinstance(gap, SignalsGap)
        assert (gap.reason, gap.after, gap.resumes_after) == ("trimmed", ids[0], ids[2])
        assert events.last_event_id == ids[2]
        event: Any = await anext(events)
        assert (event.message, events.last_event_id) == (3, ids[3])


async def test_gaps_are_raised_unless_one_chooses(client: SignalsClient) -> None:
    """And the iteration goes on after that; an error of ``on_gap`` reaches the reader."""
    ids = [await client.publish(number) for number in range(5)]
    async with client.subscribe(last_event_id=ids[0]) as events:
        with pytest.raises(SignalsGap):
            await anext(events)
        assert events.last_event_id == ids[2]
        assert (await anext(events)).message == 3

    def fails(_: SignalsGap) -> None:
        raise LookupError

    async with client.subscribe(last_event_id=ids[0], on_gap=fails) as events:
        with pytest.raises(LookupError):
            await anext(events)

    async with client.subscribe(last_event_id=ids[0], on_gap=lambda _: asyncio.sleep(0)) as events:
        with pytest.raises(InvalidInput, match="asynchronous"):
            await anext(events)


async def test_the_place_to_resume_is_known_from_the_first_moment(client: SignalsClient) -> None:
    """Somebody who leaves before anything came misses nothing of what comes then."""
    await client.publish("before")
    async with client.subscribe() as events:
        place = events.last_event_id
    await client.publish("meanwhile")
    async with client.subscribe(last_event_id=place) as events:
        assert (await anext(events)).message == "meanwhile"


async def test_a_place_that_means_nothing_is_kept_until_there_is_another(client: SignalsClient) -> None:
    """Whoever leaves before the gap was told is told of it again."""
    async with client.subscribe(last_event_id="nonsense", gaps="yield") as events:
        assert events.last_event_id == "nonsense"
        gap = await anext(events)
        assert isinstance(gap, SignalsGap)
        assert events.last_event_id == gap.resumes_after


async def test_what_is_passed_over_moves_the_place_in_process() -> None:
    """So that a reader of a quiet topic does not start far back after a while; remote ones have heartbeats for it."""
    broker = EventBroker.from_url("memory://")
    client = SignalsClient.for_plugin("a", event_broker=broker)
    loud = [await client.publish(number, topic="loud") for number in range(3)]
    async with asyncio.timeout(30), client.subscribe("quiet", last_event_id=loud[0]) as events:
        waiting = asyncio.create_task(anext(events))
        while events.last_event_id != loud[2]:  # noqa: ASYNC110 - nothing tells of what is passed over
            await asyncio.sleep(0)
        event_id = await client.publish("now", topic="quiet")
        assert (await waiting).id == events.last_event_id == event_id
