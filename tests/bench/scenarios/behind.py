"""The hub behind each of the logs: publishing over HTTP, and S1 and S2 once more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import brokers, load, servers
from tests.bench.brokers import MEMORY, SQLITE
from tests.bench.figures import What
from tests.bench.scenarios import fan_out, publishing
from tests.bench.scenarios.brokers import rate
from tests.bench.servers import HUB

if TYPE_CHECKING:
    from tests.bench.brokers import Log
    from tests.bench.figures import Figures
    from tests.bench.load import Load
    from tests.bench.scale import Scale

NAME = "brokers-hub"
CALM = f"{NAME} S1"
BUSY = f"{NAME} S2"
PUBLISHING = f"{NAME} publishing"
CPU = What(CALM, "CPU of the hub per delivery", "us")
SERVER_CPU = What(CALM, "CPU of the log's server per publish", "us")
_FASTER = 1.3  # how much faster memory:// may be over HTTP
_COSTLIER = 1.15  # how much more than behind memory:// a delivery may cost the hub


def deliveries(in_flight: int) -> What:
    """Return what is counted in busy runs."""
    return What(BUSY, f"deliveries, {in_flight} in flight", "/s")


def requests(in_flight: int) -> What:
    """Return what is counted with so many requests in flight."""
    return What(PUBLISHING, f"requests, one signal each, {in_flight} in flight", "/s")


def possible(in_flight: int) -> What:
    """Return what a log takes at its own interface from as many publishers."""
    return What(PUBLISHING, f"publishes at the log's interface, {in_flight} in flight", "/s")


def measure(scale: Scale, figures: Figures) -> None:
    """Measure the hub behind each log, and what sqlite takes by itself: no hub on it can take more."""
    most = scale.in_flight[-1]
    for _ in range(scale.runs):
        for name in brokers.ALL:
            with brokers.started(name) as log, servers.started(HUB, *log.hub) as server, load.on(server) as on:
                _publish(log, on, scale, figures)
                _fan_out(log, on, scale, figures)
        with brokers.started(SQLITE) as log:
            figures.add(possible(most), SQLITE, rate(log, most, scale))
    _ask(most, figures)


def _publish(log: Log, on: Load, scale: Scale, figures: Figures) -> None:
    """Publish to nobody."""
    most = scale.in_flight[-1]
    count, cpu = publishing.publish_on(on, scale, most)
    figures.add(requests(most), log.name, count)
    figures.add(What(PUBLISHING, f"CPU of the hub per request, {most} in flight", "us"), log.name, cpu)
    figures.add(What(PUBLISHING, f"hub busy, {most} in flight", "of a core"), log.name, count * cpu / 1e6)


def _fan_out(log: Log, on: Load, scale: Scale, figures: Figures) -> None:
    """Publish to all streams: at a steady rate first, and then as fast as is answered."""
    on.open(scale.streams, timed_every=fan_out.TIMED)
    on.steady(scale.rate, scale.seconds / 10)
    used = log.cpu()
    cost = on.steady(scale.rate, scale.seconds * 0.6)
    figures.add(CPU, log.name, cost.cpu_us)
    if log.pid is not None:
        figures.add(SERVER_CPU, log.name, (log.cpu() - used) / cost.published.count * 1e6)
    for percent in (50, 99):
        latency = cost.tally.latencies.percentile(percent) / 1000
        figures.add(What(CALM, f"latency p{percent}", "ms"), log.name, latency)
    for in_flight in scale.in_flight:
        cost = on.busy(in_flight, scale.seconds / 5)
        figures.add(deliveries(in_flight), log.name, cost.rate)
        figures.add(What(BUSY, f"hub busy, {in_flight} in flight", "of a core"), log.name, cost.server_busy)
        figures.add(What(BUSY, f"load busy, {in_flight} in flight", "of a core"), log.name, cost.load_busy)


def _ask(most: int, figures: Figures) -> None:
    memory = figures.of(requests(most), MEMORY)
    for name in brokers.ALL[1:]:
        asked = f"calm behind {name}: CPU of the hub per delivery at most {_COSTLIER} x that behind memory://"
        figures.compare(CPU, name, MEMORY, _COSTLIER, asked)
    for name in brokers.ALL[1:]:
        asked = (
            f"publishing behind {name}, {most} in flight: requests/s at most {_FASTER} x fewer than behind memory://"
        )
        floor = memory
        if name == SQLITE:
            asked += f", or than {_FASTER} x what the log takes at its interface"
            floor = [min(pair) for pair in zip(memory, figures.of(possible(most), SQLITE), strict=False)]
        figures.relate(PUBLISHING, floor, figures.of(requests(most), name), _FASTER, asked)
