"""Deliveries of traced signals: told by the flush that has written them, once each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

from sse_signals.life.deliveries import MOST, PATIENCE, Deliveries
from sse_signals.model import EventId, Receipt, Signal, position
from tests.traces import SENT

if TYPE_CHECKING:
    import pytest


class Told:
    """A trace that remembers what it was told."""

    traceparent = SENT

    def __init__(self) -> None:
        self.to: list[str] = []

    def delivered(self, to: str) -> None:
        self.to.append(to)


class Hub:
    """As much of a hub as deliveries look at."""

    def __init__(self) -> None:
        self.tallies: Any = self
        self.reach: Any = self
        self.written = 0
        self.on_flush: list[Any] = []

    def any(self, signal: Signal) -> bool:
        return signal.address == "heard"

    def flush(self, written: int) -> None:
        self.written = written
        for told in self.on_flush:
            told(written)


def receipt(record: int, count: int = 1) -> Receipt:
    """Return the log's answer."""
    return Receipt([EventId("e" * 8, position(record, index)) for index in range(count)])


async def test_a_delivery_is_told_by_the_flush_that_has_written_it() -> None:
    """Not by one before; of a batch the first signal counts that anybody may have."""
    hub: Any = Hub()
    deliveries, first, batch, early = Deliveries(), Told(), Told(), Told()
    deliveries.start(hub)
    trace: Any = first
    deliveries.committed(trace, [Signal(b"1", "heard")], receipt(5))
    trace = batch
    deliveries.committed(trace, [Signal(b"1", "no"), Signal(b"1", "heard")], receipt(6, 2))
    hub.flush(position(4))
    assert len(deliveries) == 2
    hub.flush(position(6))
    assert (first.to, batch.to) == (["streams"], [])
    hub.flush(position(6, 1))
    assert batch.to == ["streams"]
    trace = early
    deliveries.committed(trace, [Signal(b"1", "heard")], receipt(6))  # it was written before the log's answer came
    assert early.to == ["streams"]
    hub.flush(position(7))
    deliveries.stop()
    deliveries.stop()
    assert hub.on_flush == []


async def test_deliveries_that_nothing_flushes_do_not_pile_up() -> None:
    """Only so many are watched, none for long, and none after the end; each is told exactly once."""
    now = 0.0
    hub: Any = Hub()
    deliveries = Deliveries(lambda: now)
    traces: Any = [Told() for _ in range(MOST + 3)]
    deliveries.committed(traces[0], [Signal(b"1", "heard")], receipt(1))  # nobody watches yet
    assert traces[0].to == ["unseen"]
    deliveries.start(hub)
    for trace in traces[1:]:
        deliveries.committed(trace, [Signal(b"1", "heard")], receipt(9))
    assert len(deliveries) == MOST
    assert [trace.to for trace in traces[1:4]] == [["unseen"], ["unseen"], []]
    deliveries.stop()
    assert {tuple(trace.to) for trace in traces} == {("unseen",)}
    late: Any = Told()
    deliveries.start(hub)
    deliveries.committed(late, [Signal(b"1", "heard")], receipt(9))
    now = PATIENCE + 1
    hub.flush(position(9))
    assert late.to == ["unseen"]


async def test_when_nothing_is_flushed_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only stream that may have it has gone: that is told once its time is up, and the same again for the next."""
    later = Mock()
    monkeypatch.setattr(asyncio.get_running_loop(), "call_later", later)
    now = 0.0
    hub: Any = Hub()
    deliveries = Deliveries(lambda: now)
    deliveries.start(hub)
    first: Any = Told()
    deliveries.committed(first, [Signal(b"1", "heard")], receipt(1))
    now = PATIENCE / 2
    second: Any = Told()
    deliveries.committed(second, [Signal(b"1", "heard")], receipt(2))
    (wait, overdue), now = later.call_args.args, later.call_args.args[0]
    assert PATIENCE < wait < 2 * PATIENCE
    overdue()
    assert (first.to, second.to) == (["unseen"], [])
    (wait, overdue), now = later.call_args.args, now + later.call_args.args[0]
    assert now < 2 * PATIENCE
    overdue()
    assert second.to == ["unseen"]
    assert later.call_count == 2  # nobody waits for anything any more
    deliveries.stop()
