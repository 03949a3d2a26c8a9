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
    """Return how much is delivered with so many requests in flight."""
    return What("growth", f"deliveries, {count} in flight", "/s")


def in_flight(scale: Scale) -> tuple[int, ...]:
    """Return how many requests are in flight, step by step."""
    return (*scale.in_flight, scale.in_flight[-1] * 4)


def measure(scale: Scale, figures: Figures) -> None:
    """Measure the hub, nchan and the floor along three lines."""
    here = [name for name in _PEERS if name == HUB or name in servers.available()]
    for name in here:
        for streams in scale.ladder:
            # As many deliveries for all, so that each figure is as good as the next.
            seconds = max(1.0, scale.seconds * scale.streams / streams / 2)
            figures.add(by_streams(streams), name, _calm(name, scale, streams, 100, seconds))
        for size in scale.sizes:
            figures.add(by_size(size), name, _calm(name, scale, scale.streams // 5, size, scale.seconds))
    for count in in_flight(scale):
        figures.add(by_publishers(count), HUB, fan_out.busy_run(HUB, scale, count).rate)


def _calm(name: str, scale: Scale, streams: int, size: int, seconds: float) -> float:
    with servers.started(name) as server, load.on(server, size=size) as on:
        on.open(streams)
        on.steady(scale.rate, 0.2)
        return on.steady(scale.rate, min(seconds, 4 * scale.seconds)).cpu_us
