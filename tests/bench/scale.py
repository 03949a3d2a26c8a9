"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.bench.servers import AUTHENTICATED, HUB


@dataclass(frozen=True)
class Scale:
    """The sizes of all scenarios.

    Attributes:
        streams: Streams of most scenarios.
        many: Streams where many are meant.
        parts: What they are divided by, step by step, where the effect of their number is looked at.
        rate: Messages a second in calm runs.
        seconds: Seconds of load in a run.
        runs: Runs of each scenario, the peers' interleaved with the hub's.
        in_flight: How many publish requests are unanswered at a time in busy runs.
        backlog: Events that a resuming stream is behind.
        sizes: Bytes of a message, where their effect is looked at.
        ladder: Streams, where their effect is looked at.
        records: Records that a node has to read of a log.
        hubs: Which hubs are measured where authentication may be switched on.
    """

    streams: int = 1000
    many: int = 10_000
    parts: tuple[int, ...] = (100, 10, 1)
    rate: float = 20.0
    seconds: float = 5.0
    runs: int = 5
    in_flight: tuple[int, ...] = (1, 16, 64)
    backlog: int = 1000
    sizes: tuple[int, ...] = (100, 1000, 4000, 16_000, 64_000)
    ladder: tuple[int, ...] = (100, 300, 1000, 3000, 10_000)
    records: int = 100_000
    hubs: tuple[str, ...] = (HUB,)

    def with_runs(self, runs: int) -> Scale:
        """Return the same with another number of runs."""
        return replace(self, runs=runs)

    def with_authentication(self) -> Scale:
        """Return the same with the hub measured twice, without and with authentication."""
        return replace(self, hubs=(HUB, AUTHENTICATED))


FULL = Scale()
QUICK = Scale(
    streams=40,
    many=100,
    parts=(1,),
    rate=50.0,
    seconds=0.4,
    runs=1,
    in_flight=(1, 8),
    backlog=200,
    sizes=(64_000,),
    ladder=(20, 100),
    records=3000,
)
