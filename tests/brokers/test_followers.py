"""Whoever follows a log may leave at any moment: every broker, see `sse_signals.interfaces.Broker.follow`."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

import pytest

from tests.brokers.test_contract import DEADLINE, follow, read, signals

if TYPE_CHECKING:
    from sse_signals.interfaces import Broker
    from sse_signals.model import EventId


async def follow_for_ever(broker: Broker, after: EventId, met: asyncio.Event) -> None:
    """Follow the log, and tell when something has come."""
    async with aclosing(follow(broker, after)) as pieces:
        async for _ in pieces:
            met.set()


@pytest.mark.parametrize("when", ["at once", "while it waits", "soon after something came"])
async def test_a_follower_that_ends_leaves_nothing(broker: Broker, when: str) -> None:
    """Cancelling whoever follows ends the following, and the log takes and gives as before."""
    start = await broker.head()
    before, met = asyncio.all_tasks(), asyncio.Event()
    if when != "at once":
        await broker.publish(signals(1))
    task = asyncio.ensure_future(follow_for_ever(broker, start, met))
    async with asyncio.timeout(DEADLINE):
        await (asyncio.sleep(0) if when == "at once" else met.wait())
        if when == "while it waits":  # for so long that a broker has looked whether there is more
            await broker.head()
            await broker.publish(signals(2))
            assert [event.message for event in await read(broker, start, 2)] == [1, 2]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert task.cancelled()
    await broker.publish(signals(3))
    expected = {"at once": [3], "while it waits": [1, 2, 3], "soon after something came": [1, 3]}[when]
    assert [event.message for event in await read(broker, start, len(expected))] == expected
    assert asyncio.all_tasks() == before


async def test_a_follower_that_is_cancelled_as_something_comes_disturbs_nobody(broker: Broker) -> None:
    """It has not let go yet when the record is appended; the others get it all the same."""
    head = await broker.head()
    leaving, staying = (asyncio.ensure_future(anext(follow(broker, head))) for _ in range(2))
    await asyncio.sleep(0)
    leaving.cancel()
    await broker.publish(signals(1))
    async with asyncio.timeout(DEADLINE):
        assert [event.message for event in await staying] == [1]
    with suppress(asyncio.CancelledError):
        await leaving
