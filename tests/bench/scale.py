"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Scale:
    """The sizes of all scenarios.

    Attributes:
        streams: Streams of most scenarios.
        many: Streams where many are meant.
        rate: Messages a second in calm runs.
        seconds: Seconds of load in a run.
        runs: Runs of each scenario, the peers' interleaved with the hub's.
        in_flight: How many publish requests are unanswered at a time in busy runs.
        backlog: Events that a resuming stream is behind.
        sizes: Bytes of a message, where their effect is looked at.
        ladder: Streams, where their effect is looked at.
    """

    streams: int = 1000
    many: int = 10_000
    rate: float = 20.0
    seconds: float = 5.0
    runs: int = 5
    in_flight: tuple[int, ...] = (1, 16, 64)
    backlog: int = 1000
    sizes: tuple[int, ...] = (100, 1000, 4000, 16_000, 64_000)
    ladder: tuple[int, ...] = (100, 300, 1000, 3000, 10_000)

    def with_runs(self, runs: int) -> Scale:
        """Return the same with another number of runs."""
        return replace(self, runs=runs)


FULL = Scale()
QUICK = Scale(
    streams=40,
    many=100,
    rate=50.0,
    seconds=0.4,
    runs=1,
    in_flight=(1, 8),
    backlog=200,
    sizes=(64_000,),
    ladder=(20, 100),
)
