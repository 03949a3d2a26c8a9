"""The logs at their own interface: how fast they take and give, beside bare loops of the clients they use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tests.bench import brokers
from tests.bench.appending import bench
from tests.bench.at_broker import AtBroker
from tests.bench.brokers import MEMORY, NATS, REDIS, SQLITE
from tests.bench.figures import What
from tests.bench.peers.logs import BareNats, BareRedis, Disk, PipelinedRedis

if TYPE_CHECKING:
    from tests.bench.appending import Appended, Bench
    from tests.bench.brokers import Log
    from tests.bench.figures import Figures
    from tests.bench.scale import Scale

NAME = "brokers"
READING = "brokers-reading"
BARE_REDIS = "bare redis-py"
PIPELINED_REDIS = "bare redis-py, pipelined"
BARE_NATS = "bare nats-py"
DISK = "disk"
BATCH = 100
SYNCS = What(NAME, "appends of 100 bytes, each with an fdatasync of its own", "/s")
COST = What(READING, "CPU of the node's process per event followed", "us")
FOLLOWED = What(READING, "events followed into the history", "/s")
LOADED = What(READING, "the log opened, and all of it loaded as its tail, in", "ms")
STALL = What(READING, "the loop stood still meanwhile, at most", "ms")
_CALM = 200.0  # publishes a second
_PEERS: Final[dict[str, dict[str, Any]]] = {
    MEMORY: {},
    SQLITE: {},
    REDIS: {BARE_REDIS: BareRedis, PIPELINED_REDIS: PipelinedRedis},
    NATS: {BARE_NATS: BareNats},
}


def singles(publishers: int) -> What:
    """Return what is counted with so many publishers, one signal a request."""
    return What(NAME, f"acknowledged publishes, {publishers} in flight", "/s")


def batches(publishers: int) -> What:
    """Return what is counted with so many publishers, many signals a request."""
    return What(NAME, f"acknowledged signals, {BATCH} a publish, {publishers} in flight", "/s")


def cost(publishers: int) -> What:
    """Return what a publish of one signal costs the process that publishes."""
    return What(NAME, f"CPU of the publishing process per publish, {publishers} in flight", "us")


def server_cost(publishers: int) -> What:
    """Return what a publish of one signal costs the log's server."""
    return What(NAME, f"CPU of the log's server per publish, {publishers} in flight", "us")


def measure(scale: Scale, figures: Figures) -> None:
    """Publish through each log, and through the bare loops right after it, on a server of their own each time."""
    for _ in range(scale.runs):
        for name in brokers.ALL:
            with bench() as process:
                _measure(process, name, scale, figures)
    _ask(scale, figures)


def rate(log: Log, publishers: int, scale: Scale) -> float:
    """Return how many publishes of one signal a log acknowledges a second."""
    with bench() as process, process.running(AtBroker, log.url, log.options) as call:
        return _busy(call, publishers, 1, scale).rate


def measure_reading(scale: Scale, figures: Figures) -> None:
    """Measure how long a signal takes from publish to follower, and how fast a node reads what is there."""
    for _ in range(scale.runs):
        for name in brokers.ALL:
            with brokers.started(name) as log, bench() as process:
                _read(process, log, scale, figures)
    for name in brokers.ALL:
        asked = f"{name} follows {scale.records:,} records at 20,000 events/s at least"
        figures.ask(FOLLOWED, name, 20_000, asked, at_least=True)


def _measure(process: Bench, name: str, scale: Scale, figures: Figures) -> None:
    most = scale.in_flight[-1]
    with brokers.started(name) as log, process.running(AtBroker, log.url, log.options) as call:
        _publish(call, log, scale, figures, name)
    for peer, make in _PEERS[name].items():
        with brokers.started(name) as log, process.running(make, log.url) as call:
            _publish(call, log, scale, figures, peer)
    if name == SQLITE:
        with brokers.started(name) as log, process.running(Disk, log.folder) as call:
            figures.add(SYNCS, DISK, _busy(call, 1, 1, scale).rate)
    if name in brokers.OTHERS:
        other = brokers.OTHERS[name]
        with brokers.started(other) as log, process.running(AtBroker, log.url, log.options) as call:
            figures.add(singles(most), other, _busy(call, most, 1, scale).rate)


def _read(process: Bench, log: Log, scale: Scale, figures: Figures) -> None:
    most, name = scale.in_flight[-1], log.name
    with process.running(AtBroker, log.url, log.options) as call:
        calm = call("calm_latencies", _CALM, scale.seconds / 5)
        busy = call("latencies", most, scale.seconds / 10)
        before = call("fill", scale.records)
        if name == MEMORY:  # which is gone when it is closed
            caught = call("catch_up", before, scale.records)
    if name != MEMORY:
        with process.running(AtBroker, log.url, log.options) as call:
            caught = call("catch_up", before, scale.records)
    for latencies, how in ((calm, f"{_CALM:g} publishes/s"), (busy, f"{most} in flight")):
        for percent in (50, 99):
            what = What(READING, f"publish to receive p{percent}, {how}", "ms")
            figures.add(what, name, latencies.percentile(percent) / 1000)
    figures.add(FOLLOWED, name, scale.records / caught.following)
    figures.add(COST, name, caught.cpu / scale.records * 1e6)
    figures.add(LOADED, name, caught.loading * 1000)
    figures.add(STALL, name, caught.stall * 1000)


def _publish(call: Any, log: Log, scale: Scale, figures: Figures, name: str) -> None:
    _busy(call, scale.in_flight[-1], 1, scale, 0.1)  # what is done once only, is done
    for publishers in scale.in_flight:
        used = log.cpu()
        done = _busy(call, publishers, 1, scale)
        figures.add(singles(publishers), name, done.rate)
        figures.add(cost(publishers), name, done.cpu / done.count * 1e6)
        if log.pid is not None:
            figures.add(server_cost(publishers), name, (log.cpu() - used) / done.count * 1e6)
        figures.add(batches(publishers), name, _busy(call, publishers, BATCH, scale, 0.5).rate * BATCH)


def _busy(call: Any, publishers: int, batch: int, scale: Scale, part: float = 1.0) -> Appended:
    done: Appended = call("busy", publishers, batch, scale.seconds / 8 * part)
    return done


def _ask(scale: Scale, figures: Figures) -> None:
    most = scale.in_flight[-1]
    syncs = figures.median(SYNCS, DISK)
    if syncs is not None:
        limit = min(5000.0, 30 * syncs)
        asked = f"sqlite:// acknowledges {limit:,.0f}/s at least, {most} in flight (5,000, or 30 x the disk's rate)"
        figures.ask(singles(most), SQLITE, limit, asked, at_least=True)
    for name in (REDIS, NATS):
        for peer in _PEERS[name]:
            for publishers in scale.in_flight:
                asked = f"{name} acknowledges at least 1/1.5 of {peer}, {publishers} in flight"
                figures.compare(singles(publishers), name, peer, 1 / 1.5, asked, at_least=True)
