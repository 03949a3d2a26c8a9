"""The trials: a fault happens again and again to a world at work, and then the checker is asked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.faults.backwards import all_rolled_back, rolled_back
from tests.faults.happen import (
    HISTORY,
    cut_off,
    emptied,
    half_open,
    killed_log,
    killed_node,
    outrun,
    rolled,
    slow,
    soak,
    trimmed,
)  # fmt: skip
from tests.faults.logs import BROKERS, EMBEDDED, log
from tests.faults.trial import LOADED, Trial
from tests.faults.world import world

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from tests.faults.observed import Report


@dataclass(frozen=True)
class Fault:
    """One of the faults.

    Attributes:
        happen: Has it happen once.
        brokers: Where it can happen.
        tries: How often publishers try.
        forks: Whether the log may go on under another epoch.
        options: More words for the nodes' command line.
    """

    happen: Callable[[Trial], Awaitable[None]]
    brokers: tuple[str, ...] = ("sqlite", "redis", "nats")
    tries: int = 1
    forks: bool = True
    options: tuple[str, ...] = ()


NETWORKED: Final = ("redis", "nats")
FAULTS: Final = {
    "F1": Fault(killed_node),
    "F2": Fault(killed_log),
    "F3-cut": Fault(cut_off, NETWORKED),
    "F3-half-open": Fault(half_open, NETWORKED),
    "F3-slow": Fault(slow, NETWORKED),
    "F4": Fault(emptied, BROKERS, forks=False),
    "F5": Fault(trimmed, BROKERS, options=HISTORY),
    "F5-node": Fault(outrun, NETWORKED, options=HISTORY),
    "F8": Fault(rolled, NETWORKED, tries=2),
    "F9": Fault(rolled_back, NETWORKED),
    "F9-all": Fault(all_rolled_back),
    "F10": Fault(soak),
}


@dataclass(frozen=True)
class Result:
    """What came of it."""

    fault: str
    broker: str
    count: int
    seed: int
    report: Report
    times: dict[str, list[float]]
    broken: Sequence[str]
    memory: dict[str, list[float]] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Whether everything held."""
        return not self.report.findings and not self.broken


async def run(
    name: str, broker: str, count: int, folder: Path, *, seed: int = 0, readers: int = 6, publishers: int = 3,
    interval: float = 0.02, outage: float = 3.0, allowance: float = LOADED, pause: float = 0.0,
    options: Sequence[str] = (), told: Callable[[str], None] = lambda _: None,
) -> Result:  # fmt: skip
    """Have a fault happen so many times.

    Args:
        name: One of `FAULTS`.
        broker: Where the log is.
        count: How often.
        folder: An empty one.
        seed: Of the moments at which it happens.
        readers: How many.
        publishers: How many.
        interval: Seconds between two signals of one publisher.
        outage: Seconds that the broker is away.
        allowance: Seconds that the machine may add to each bound.
        pause: Seconds between one and the next.
        options: More words for the nodes' command line.
        told: Called with what is going on.
    """
    fault, nodes = FAULTS[name], 1 if broker in EMBEDDED else 2
    async with log(broker, folder) as its_log, world(its_log.url, *fault.options, *options, nodes=nodes) as it:
        trial = Trial(broker, its_log, it, random.Random(seed), outage, allowance)
        await it.read(readers)
        # A machine that stands still for seconds has the other node answer with a 503, which is its promise.
        more = fault.tries > 1 and allowance > LOADED
        it.publish(publishers, interval=interval, tries=fault.tries + more)
        try:
            for number in range(count):
                await it.progress(10)
                await fault.happen(trial)
                await asyncio.sleep(pause)
                done = f"{number + 1} of {count}, {it.acknowledged} acknowledged"
                told(f"{name} {broker}: {done}, {len(trial.broken)} broken {trial.broken[-1:] or ''}".rstrip())
            await it.settle()
        except TimeoutError as error:  # what the checker says of it is still of use
            trial.broken.append(f"not well again: {error}")
        report = it.check(forks=fault.forks, destroyed=trial.destroyed)
        return Result(name, broker, count, seed, report, trial.times, trial.broken, trial.memory)
