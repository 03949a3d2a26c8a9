"""A world in which a fault happens again and again, and what was measured of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

    from tests.faults.logs import Log
    from tests.faults.world import World

LOADED: Final = 0.3  # seconds that a machine may add to a bound, on which all nodes and all clients are at work
CROWDED: Final = 7.0  # the same beside the whole suite: no measure of the hub, but less than what hangs would take


@dataclass
class Trial:
    """A world in which a fault happens.

    Attributes:
        outage: Seconds that something is away.
        allowance: Seconds that the machine may add to each bound.
        times: What was measured, in seconds, by its name.
        memory: What processes had of it, in MiB, after one fault after the other, by their name.
        broken: What did not hold besides what the checker sees, in words.
        destroyed: Contents that the fault took from the log.
    """

    broker: str
    log: Log
    world: World
    random: random.Random
    outage: float = 3.0
    allowance: float = LOADED
    times: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    destroyed: set[str] = field(default_factory=set)

    def expect(self, true: object, otherwise: str) -> None:
        """Take down what did not hold."""
        if not true:
            self.broken.append(otherwise)

    def measured(self, name: str, seconds: float, limit: float) -> None:
        """Take a time down, and whether it is longer than was promised and the machine may add."""
        self.times.setdefault(name, []).append(seconds)
        if seconds > limit + self.allowance:
            self.broken.append(f"{name}: {seconds:.2f} s is more than {limit:g} s and {self.allowance:g} s")

    async def moment(self) -> None:
        """Let some time pass, so that faults hit at different moments."""
        await asyncio.sleep(self.random.uniform(0.0, 0.3))

    async def first_acknowledged(self, limit: float) -> None:
        """Measure how long it takes from now until something is acknowledged that was sent from now on."""
        begun, publisher = monotonic(), self.world.publisher()
        while (await publisher.publish(None)).outcome != "acknowledged" and monotonic() < begun + 30:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        self.measured("acknowledged again", monotonic() - begun, limit)
