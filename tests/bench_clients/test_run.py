"""Runs, with processes of their own, against a hub of this process."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Self, cast

import pytest

from sse_signals.bench import fleet, run
from sse_signals.bench.fleet import Fleet, spare_cores
from sse_signals.bench.messages import Messages
from sse_signals.bench.probe import find
from sse_signals.bench.remote import Remote
from sse_signals.bench.run import Load, Progress, measure
from sse_signals.bench.target import Target
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.bench.run import Outcome
    from sse_signals.server import Running
    from tests.bench_clients.conftest import InThread
    from tests.conftest import StartHub

MESSAGES = Messages("abcdef01", 100)


async def measured(
    in_thread: InThread, url: str, load: Load, stopping: Callable[[], bool] = lambda: False
) -> tuple[Outcome, list[Progress]]:
    """Return the outcome of a run, and what was said meanwhile."""
    _, target = await in_thread(find, url, "a")
    told: list[Progress] = []
    outcome = await in_thread(measure, target, MESSAGES, load, told.append, stopping)
    return outcome, told


@pytest.mark.parametrize("rate", [50.0, None], ids=["steady", "busy"])
async def test_a_run(hub: Running, in_thread: InThread, rate: float | None) -> None:
    """Every message is accepted and received by every stream; on the way it says how far it is."""
    outcome, told = await measured(in_thread, hub.url, Load(streams=9, rate=rate, in_flight=2, seconds=0.5, at_once=2))
    assert outcome.exact
    assert not outcome.interrupted
    assert outcome.published.count == 25 if rate else outcome.published.count > 0
    assert outcome.tally.received == outcome.expected == 9 * outcome.published.count
    assert outcome.disordered == 0
    assert outcome.seconds >= outcome.published.seconds >= 0.5
    assert outcome.opening > 0
    assert len(outcome.readers) >= 1
    assert all(share >= 0 for share in (*outcome.readers, outcome.publisher))
    opening = [each.done for each in told if each.stage == "opening"]
    assert opening == sorted(opening)
    assert (opening[0], opening[-1]) == (0, 9)
    publishing = [each for each in told if each.stage == "publishing"]
    assert publishing[-1] == Progress("publishing", 0.5, 0.5, publishing[-1].deliveries)
    assert any(each.deliveries for each in publishing)


async def test_several_processes_share_the_streams(
    hub: Running, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they received is told as one."""
    monkeypatch.setattr(run, "spare_cores", lambda: 3)
    outcome, _ = await measured(in_thread, hub.url, Load(streams=7, rate=100, seconds=0.1))
    assert len(outcome.readers) == 3
    assert (outcome.tally.streams, outcome.tally.received, outcome.exact) == (7, 70, True)
    outcome, _ = await measured(in_thread, hub.url, Load(streams=2, rate=100, seconds=0.1))
    assert len(outcome.readers) == 2


@pytest.mark.parametrize(("cores", "expected"), [(1, 1), (2, 1), (4, 3), (16, 4)])
def test_a_core_is_left_to_the_hub(monkeypatch: pytest.MonkeyPatch, cores: int, expected: int) -> None:
    """Readers take the others, but not more than help."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert spare_cores() == expected


@pytest.mark.parametrize(
    ("load", "every"),
    [
        (Load(2500), 1),
        (Load(2501), 2),
        (Load(1000, rate=500), 10),
        (Load(1000, rate=None), 50),
        (Load(1, rate=None), 1),
    ],
)
def test_latencies_are_counted_of_as_many_streams_as_it_can_bear(load: Load, every: int) -> None:
    """Of all where that are no more than 50,000 a second, otherwise of one in so many."""
    assert load.timed_every == every


async def test_what_is_lost_is_waited_for_and_told(
    start_hub: StartHub, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever; what ended early is told too."""
    monkeypatch.setattr(run, "_PATIENCE", 0.3)
    hub = await start_hub()
    expected = Fleet.watch

    def watch(self: Fleet, count: int, seconds: float) -> bool:
        return expected(self, count + 1, seconds)  # as if one more had been published

    monkeypatch.setattr(Fleet, "watch", watch)
    outcome, told = await measured(in_thread, hub.url, Load(streams=2, rate=100, seconds=0.05))
    waiting = [each for each in told if each.stage == "waiting"]
    assert {(each.done, each.whole) for each in waiting} == {(10, 10)}
    assert outcome.exact  # as nothing was lost after all


class Slow:
    """Streams of a hub that delivers late."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def watch(self, count: int, _seconds: float) -> bool:
        self.asked.append(count)
        return len(self.asked) > 3

    def received(self) -> int:
        return 10 * len(self.asked)


def test_what_still_comes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it takes, and a moment longer for what may come twice."""
    monkeypatch.setattr(run, "_PATIENCE", 0)
    told: list[Progress] = []
    streams = Slow()
    waiting = run._Run(cast("Fleet", streams), cast("Remote", None), Load(streams=10), told.append, lambda: False)
    waiting._wait(4)
    assert streams.asked == [4, 4, 4, 4, 5]
    assert [(each.stage, each.done, each.whole) for each in told] == [("waiting", 10 * n, 40) for n in (1, 2, 3)]


async def test_refused_messages(start_hub: StartHub, in_thread: InThread) -> None:
    """They are no deliveries that are missing."""
    hub = await start_hub(max_message=50)
    outcome, _ = await measured(in_thread, hub.url, Load(streams=2, rate=100, seconds=0.05))
    assert outcome.published.refused == {413: 5}
    assert "413" in outcome.published.told[413]
    assert (outcome.expected, outcome.tally.lost, outcome.exact) == (0, 0, False)


async def test_refused_streams(start_hub: StartHub, in_thread: InThread) -> None:
    """There is no outcome then."""
    hub = await start_hub(max_streams=5)
    with pytest.raises(LoadFailed, match="as many streams as it may have"):
        await measured(in_thread, hub.url, Load(streams=20))


async def test_to_stop_early(hub: Running, in_thread: InThread) -> None:
    """While it publishes, there is an outcome of what was published until then."""
    told: list[Progress] = []
    _, target = await in_thread(find, hub.url, "a")

    def stopping() -> bool:
        return sum(each.stage == "publishing" and each.deliveries > 0 for each in told) >= 2

    outcome = await in_thread(measure, target, MESSAGES, Load(streams=3, rate=50, seconds=600), told.append, stopping)
    assert outcome.interrupted
    assert 0 < outcome.published.count < 15_000  # of 30,000
    assert outcome.tally.received == outcome.expected
    assert outcome.exact


async def test_to_stop_before_anything_was_published(hub: Running, in_thread: InThread) -> None:
    """There is nothing to tell."""
    _, target = await in_thread(find, hub.url, "a")
    loop = asyncio.get_running_loop()

    def measure_in_vain() -> str:
        try:
            measure(target, MESSAGES, Load(streams=200), lambda _: None, lambda: True)
        except KeyboardInterrupt:
            return "interrupted"
        return "measured"

    assert await loop.run_in_executor(None, measure_in_vain) == "interrupted"


def test_processes_end_although_one_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were started already do not stay."""
    entered: list[Remote] = []

    class Failing(Remote):
        def __enter__(self) -> Self:
            entered.append(self)
            if len(entered) == 2:
                raise OSError("It cannot be started.")
            return self

    monkeypatch.setattr(fleet, "Remote", Failing)
    with pytest.raises(OSError, match="cannot be started"):
        Fleet(Target.hub("http://127.0.0.1:1", "a"), MESSAGES, 5, 2)
    assert not entered[0]._process.is_alive()
    entered[1].close()
