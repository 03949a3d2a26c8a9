"""S9: streams that never read, beside streams that do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.bench.readers import Readers, Wanted
from sse_signals.bench.remote import Remote
from tests.bench import load, machine, servers
from tests.bench.figures import Figures, What
from tests.bench.scenarios.resuming import receipt_id
from tests.bench.servers import HUB

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.load import Cost, Load
    from tests.bench.scale import Scale

NAME = "S9 stalled"
ALONE = What(NAME, "latency p99 of healthy streams alone", "ms")
BESIDE = What(NAME, "latency p99 of healthy streams beside as many that never read", "ms")
MEMORY = What(NAME, "memory per stalled stream, the kernel's on both sides included", "KiB")
_SIZE = 1000
_FILL = 1000  # messages a second that fill every buffer
_PATIENCE = 30.0  # seconds in which who does not read is aborted
_BUFFER = 16 * 1024  # bytes that the stalled reader's own kernel may hold


def measure(scale: Scale, figures: Figures) -> None:
    """Stall half of the streams; let them read on; have them aborted, and resume them."""
    half = scale.streams // 2
    for _ in range(scale.runs):
        with servers.started(HUB) as server, load.on(server, size=_SIZE) as on:
            on.open([Wanted("healthy", server.target.stream, half)])
            on.steady(scale.rate, scale.seconds / 10)
            figures.add(ALONE, HUB, on.steady(scale.rate, scale.seconds).tally.latencies.percentile(99) / 1000)
        _beside(scale, figures, half)
        _aborted(scale, half)
    asked = f"{half} streams that never read beside {half} that do: p99 of those at most 2 x"
    figures.relate(NAME, figures.of(BESIDE, HUB), figures.of(ALONE, HUB), 2, asked)
    figures.ask(MEMORY, HUB, 512, "memory of a stream that never reads, the kernel's included: at most 512 KiB")


def _beside(scale: Scale, figures: Figures, half: int) -> None:
    with servers.started(HUB) as server, load.on(server, size=_SIZE) as on:
        on.open([Wanted("healthy", server.target.stream, half), _stalled(server.target.stream, half)])
        before = server.memory() + machine.socket_bytes()
        reach: dict[str, list[int]] = {"healthy": [0], "stalled": []}
        filled = _fill(on, reach)
        figures.add(MEMORY, HUB, (server.memory() + machine.socket_bytes() - before) / half / 1024)
        measured = on.steady(scale.rate, scale.seconds, reach)
        figures.add(BESIDE, HUB, measured.tally.latencies.percentile(99) / 1000)
        on.expected["stalled"] = filled.published.count + measured.published.count
        on.readers.call("read_all")
        on.check()  # within the send timeout nobody lost anything


def _aborted(scale: Scale, half: int) -> None:
    """Check that streams that were aborted for not reading lose nothing either, once they resume."""
    with (
        servers.started(HUB, "--send-timeout", "1", "--heartbeat", "1") as server,
        load.on(server, size=_SIZE) as on,
        Remote(Readers, server.target.address, on.messages, core=machine.READER_CORE) as stalled,
    ):
        on.open([Wanted("healthy", server.target.stream, half)])
        stalled.call("open", [_stalled(server.target.stream, half)], server.target.ready, 64, _PATIENCE, half)
        began = receipt_id(stalled.call("preambles")[-1])
        _fill(on)
        on.steady(scale.rate, 4.0)  # the time in which they are aborted
        stalled.call("read_all")
        stalled.call("watch", {"stalled": on.expected["healthy"] + 1}, _PATIENCE)  # until all have ended
        ended = stalled.call("tally", {}).ended
        if ended < half:
            raise RuntimeError(f"only {ended} of {half} streams that did not read were aborted")
        request = server.stream(query=f"topic=bench&lastEventId={began}")
        on.open([Wanted("resumed", request, half)])
        on.expected["resumed"] = on.expected["healthy"]
        on.check()


def _stalled(request: bytes, count: int) -> Wanted:
    return Wanted("stalled", request, count, read=False, buffer=_BUFFER)


def _fill(on: Load, reach: Mapping[str, Sequence[int]] | None = None) -> Cost:
    """Publish enough for every buffer of a stalled stream to be full."""
    return on.steady(_FILL, max(1.0, 600_000 / _SIZE / _FILL), reach)
