"""What is measured of a log counts only if the log holds what it has acknowledged: faulty ones are found out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.choice import Log
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.model import INDEX_BITS, INDEX_MASK
from tests.bench import at_broker, brokers
from tests.bench.appending import bench, drive
from tests.bench.at_broker import AtBroker
from tests.bench.peers.logs import BareNats, BareRedis, Disk, PipelinedRedis

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from sse_signals.model import Event, EventId, HistoryLimits, Tail


class FaultyBroker(MemoryBroker):
    """A log that brings the first events it is asked for with a fault."""

    def __init__(self, fault: Callable[[list[Event]], Sequence[Event]]) -> None:
        super().__init__()
        self._fault = fault

    async def follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        """See `sse_signals.interfaces.Broker.follow`."""
        fault = self._fault
        async for events in super().follow(after):
            yield fault(list(events)) if len(events) > 4 else events

    async def tail(self, limits: HistoryLimits) -> Tail:
        """See `sse_signals.interfaces.Broker.tail`."""
        tail = await super().tail(limits)
        return replace(tail, events=self._fault(list(tail.events)))


def _on(monkeypatch: pytest.MonkeyPatch, fault: Callable[[list[Event]], Sequence[Event]]) -> AtBroker:
    monkeypatch.setattr(at_broker, "open_log", lambda *_, **__: Log(FaultyBroker(fault), MemoryState()))
    monkeypatch.setattr(at_broker, "_PATIENCE", 10.0)
    return AtBroker(brokers.MEMORY, BrokerOptions())


def _changed(event: Event) -> Event:
    return replace(event, frame=event.frame.replace(b'"n":', b'"n":1'))


FAULTS: dict[str, Callable[[list[Event]], Sequence[Event]]] = {
    "lost": lambda events: events[:2] + events[3:],
    "doubled": lambda events: events[:3] + events[2:],
    "swapped": lambda events: [*events[:2], events[3], events[2], *events[4:]],
    "changed": lambda events: [*events[:2], _changed(events[2]), *events[3:]],
    "exchanged": lambda events: [
        *events[:2],
        replace(events[2], frame=events[3].frame),
        replace(events[3], frame=events[2].frame),
        *events[4:],
    ],
    "invented": lambda events: [
        *events,
        replace(events[-1], position=events[-1].position + (1 << INDEX_BITS)),
    ],
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_log_that_does_not_hold_what_it_acknowledged_is_found_out(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[list[Event]], Sequence[Event]]
) -> None:
    """Whatever it loses, doubles, swaps, changes or invents, and whether or not the log is followed meanwhile."""
    with pytest.raises(RuntimeError, match="and not request"):
        await _on(monkeypatch, fault).busy(3, 1, 0.02)
    with pytest.raises(RuntimeError, match="and not request"):
        await _on(monkeypatch, fault).latencies(20, 0.02)


async def test_a_log_that_loses_signals_of_a_batch_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request counts with all of its signals."""
    on = _on(monkeypatch, lambda events: [event for event in events if event.position & INDEX_MASK != 7])
    with pytest.raises(RuntimeError, match="and not request"):
        await on.busy(2, 10, 0.02)


@pytest.mark.parametrize("fault", [FAULTS["lost"], FAULTS["swapped"]], ids=["lost", "swapped"])
async def test_a_node_that_misses_something_is_found_out(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[list[Event]], Sequence[Event]]
) -> None:
    """Its history has to hold all records, without a hole."""
    on = _on(monkeypatch, fault)
    before = await on.fill(100)
    with pytest.raises(RuntimeError, match="were followed with"):
        await on.catch_up(before, 100)


async def test_a_good_log_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every publish is counted, and a latency is known for each signal."""
    on = _on(monkeypatch, lambda events: events)
    done = await on.busy(4, 10, 0.05)
    assert done.count > 0
    assert done.seconds >= 0.05
    assert (await on.calm_latencies(1000, 0.03)).count == 31  # with the last, after which nothing comes
    caught = await on.catch_up(await on.fill(300), 300)
    assert caught.following > 0


async def test_publishers_append_as_many_as_there_are_to_append() -> None:
    """Each number once, with as many publishers at once as are asked for."""
    numbers: list[int] = []

    async def append(number: int) -> None:
        numbers.append(number)

    done = await drive(append, 3, most=10)
    assert (done.count, numbers) == (10, list(range(10)))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (brokers.REDIS, BareRedis),
        (brokers.REDIS, PipelinedRedis),
        (brokers.NATS, BareNats),
    ],
)
def test_bare_loops_append_what_they_count(name: str, make: Callable[..., Any]) -> None:
    """What has been there before is not theirs: they look at the server for how many there are."""
    with brokers.started(name) as log, bench() as process:
        with process.running(make, log.url) as call:
            assert call("busy", 3, 2, 0.05).count > 0
        with process.running(make, log.url) as call, pytest.raises(RuntimeError, match="were acknowledged, and"):
            call("busy", 3, 2, 0.05)


def test_the_disk_is_waited_for(tmp_path: Path) -> None:
    """Each append is in the file."""
    with bench() as process, process.running(Disk, tmp_path) as call:
        assert call("busy", 1, 1, 0.05).count * 100 == (tmp_path / "disk").stat().st_size
