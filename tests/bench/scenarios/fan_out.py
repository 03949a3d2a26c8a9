"""S1 and S2: one event to many streams, calmly and as fast as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.servers import FLOOR, NAIVE, NCHAN, named

if TYPE_CHECKING:
    from tests.bench.load import Cost
    from tests.bench.scale import Scale

CALM = "S1 calm"
CPU = What(CALM, "server CPU per delivery", "us")
P50 = What(CALM, "latency p50", "ms")
P99 = What(CALM, "latency p99", "ms")
TIMED = 32  # streams of which one is timed in busy runs: looking at the clock for all would slow the readers down


def busy(in_flight: int) -> str:
    """Return the name of the busy scenario with so many requests in flight."""
    return f"S2 busy, {in_flight} in flight"


def load_busy(scenario: str) -> What:
    """Return how busy the load was: near 1, where the two share a core, it is what was measured."""
    return What(scenario, "load busy (readers + publishers)", "of a core")


def server_busy(scenario: str) -> What:
    """Return how busy the server was."""
    return What(scenario, "server busy", "of a core")


def rate(in_flight: int) -> What:
    """Return what is counted in busy runs."""
    return What(busy(in_flight), "deliveries", "/s")


def measure_calm(scale: Scale, figures: Figures) -> None:
    """Measure the hub and its peers at a steady rate."""
    for _ in range(scale.runs):
        for name in (*scale.hubs, *servers.available()):
            cost = calm(name, scale, scale.streams)
            figures.add(CPU, name, cost.cpu_us)
            figures.add(P50, name, cost.tally.latencies.percentile(50) / 1000)
            figures.add(P99, name, cost.tally.latencies.percentile(99) / 1000)
            _add_headroom(figures, CALM, name, cost)
    for hub in scale.hubs:
        figures.compare(CPU, hub, NCHAN, 1.0, named("calm: CPU per delivery at most nchan's", hub))
        figures.compare(CPU, hub, FLOOR, 1.5, named("calm: CPU per delivery at most 1.5 x the floor's", hub))
        figures.compare(P99, hub, NCHAN, 1.0, named("calm: p99 latency at most nchan's", hub))


def calm(name: str, scale: Scale, streams: int, size: int = 100) -> Cost:
    """Measure one server at a steady rate."""
    with servers.started(name) as server, load.on(server, size=size) as on:
        on.open(streams)
        on.steady(scale.rate, scale.seconds / 10)
        return on.steady(scale.rate, scale.seconds)


def measure_busy(scale: Scale, figures: Figures) -> None:
    """Measure the hub and its peers with publishers that send the next message as soon as one is answered."""
    peers = [name for name in servers.available() if name != FLOOR]
    for in_flight in scale.in_flight:
        scenario = busy(in_flight)
        for _ in range(scale.runs):
            for name in (*scale.hubs, *peers):
                cost = busy_run(name, scale, in_flight)
                figures.add(rate(in_flight), name, cost.rate)
                figures.add(What(scenario, "latency p50", "ms"), name, cost.tally.latencies.percentile(50) / 1000)
                figures.add(What(scenario, "latency p99", "ms"), name, cost.tally.latencies.percentile(99) / 1000)
                _add_headroom(figures, scenario, name, cost)
        for hub in scale.hubs:
            _ask_busy(figures, in_flight, hub)


def busy_run(name: str, scale: Scale, in_flight: int) -> Cost:
    """Measure one server with so many requests in flight."""
    with servers.started(name) as server, load.on(server) as on:
        on.open(scale.streams, timed_every=TIMED)
        on.busy(in_flight, scale.seconds / 20)
        return on.busy(in_flight, scale.seconds * 0.6)


def _ask_busy(figures: Figures, in_flight: int, hub: str) -> None:
    asked = f"busy, {in_flight} in flight: deliveries/s at least"
    figures.compare(rate(in_flight), hub, NCHAN, 10, named(f"{asked} 10 x nchan's", hub), at_least=True)
    figures.compare(rate(in_flight), hub, NAIVE, 40, named(f"{asked} 40 x naive's", hub), at_least=True)
    if in_flight > 1:
        asked = named(f"busy, {in_flight} in flight: p50 latency at most nchan's", hub)
        figures.compare(What(busy(in_flight), "latency p50", "ms"), hub, NCHAN, 1.0, asked)


def _add_headroom(figures: Figures, scenario: str, name: str, cost: Cost) -> None:
    figures.add(load_busy(scenario), name, cost.load_busy)
    figures.add(server_busy(scenario), name, cost.server_busy)
