"""How the cost grows: with streams, with the size of events, with publishers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.scenarios import fan_out
from tests.bench.servers import FLOOR, HUB, NCHAN

if TYPE_CHECKING:
    from tests.bench.scale import Scale

_PEERS = (HUB, NCHAN, FLOOR)


def by_streams(streams: int) -> What:
    """Return what a delivery costs with so many streams."""
    return What("growth", f"server CPU per delivery, {streams:,} streams", "us")


def by_size(size: int) -> What:
    """Return what a delivery costs with messages of so many bytes."""
    return What("growth", f"server CPU per delivery, {size:,} bytes", "us")


def by_publishers(count: int) -> What:
    """Return what a delivery costs with so many requests in flight."""
    return What("growth", f"server CPU per delivery, {count} in flight", "us")


def in_flight(scale: Scale) -> tuple[int, ...]:
    """Return how many requests are in flight, step by step."""
    return (*scale.in_flight, scale.in_flight[-1] * 4)


def measure(scale: Scale, figures: Figures) -> None:
    """Measure the hub, nchan and the floor along three lines, those who are compared one right after the other."""
    here = [name for name in _PEERS if name == HUB or name in servers.available()]
    for streams in scale.ladder:
        # As many deliveries a second along the line, so that only the number of streams differs.
        rate = scale.rate * scale.streams / streams
        for name in here:
            figures.add(by_streams(streams), name, _calm(name, scale, streams, 100, rate))
    for size in scale.sizes:
        for name in here:
            figures.add(by_size(size), name, _calm(name, scale, scale.streams // 5, size, scale.rate))
    for count in in_flight(scale):
        for name in here:
            if name != FLOOR:  # which answers in turn, however many are waiting
                figures.add(by_publishers(count), name, fan_out.busy_run(name, scale, count).cpu_us)


def _calm(name: str, scale: Scale, streams: int, size: int, rate: float) -> float:
    with servers.started(name) as server, load.on(server, size=size) as on:
        on.open(streams)
        on.steady(rate, max(0.2, 1 / rate))
        return on.steady(rate, scale.seconds).cpu_us
