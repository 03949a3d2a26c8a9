"""An event broker that outlives the event loop it was first used in."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from typing import Any

import pytest

from sse_signals import EventBroker
from sse_signals.identity import ANONYMOUS
from sse_signals.model import Signal
from sse_signals.topics import EVERYTHING

DEADLINE = 30.0


@pytest.mark.parametrize("listeners", [1, 3])
def test_one_broker_in_two_loops(listeners: int, caplog: pytest.LogCaptureFixture) -> None:
    """Publishing and listening, also by many at once, work in a second loop as in the first, on the same log."""
    broker = EventBroker.from_url("memory://", logger=logging.getLogger("sse_signals"))

    async def listen(listening: asyncio.Semaphore, last_event_id: str | None) -> tuple[str, Any]:
        async with broker.subscribe(EVERYTHING, identity=ANONYMOUS, last_event_id=last_event_id) as events:
            listening.release()
            event: Any = await anext(events)
            return event.id, event.message

    async def main(message: bytes, last_event_id: str | None) -> list[tuple[str, Any]]:
        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as group:
            listening = asyncio.Semaphore(0)
            tasks = [group.create_task(listen(listening, last_event_id)) for _ in range(listeners)]
            for _ in tasks:
                await listening.acquire()
            receipt = await broker.publish([Signal(message, "a")])
        found = [task.result() for task in tasks]
        assert {event_id for event_id, _ in found} == {str(receipt.ids[0])}
        return found

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = asyncio.run(main(b"1", None))
        second = asyncio.run(main(b"2", first[0][0]))
        gc.collect()
    assert [message for _, message in first] == [1] * listeners
    assert [message for _, message in second] == [2] * listeners
    assert [str(warning.message) for warning in caught] == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
