"""S4: how fast streams can be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.scenarios import fan_out
from tests.bench.servers import AUTHENTICATED, BARE, NAIVE, NCHAN, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.bench.readers import Wanted
    from tests.bench.load import Load
    from tests.bench.scale import Scale

NAME = "S4 opening"
RATE = What(NAME, "streams opened", "/s")
CPU = What(NAME, "server CPU per stream", "us")
AGAIN = What(NAME, "streams opened again, each by somebody who has one open", "/s")
CPU_AGAIN = What(NAME, "server CPU per stream opened again", "us")


def measure(scale: Scale, figures: Figures) -> None:
    """Open streams, 64 at a time; where authentication is measured, once more with tokens that were shown before."""
    peers = [NAIVE, NCHAN] if NCHAN in servers.available() else [NAIVE]
    first, streams = scale.streams // 10, scale.streams * 3
    for _ in range(scale.runs):
        for name in (*scale.hubs, BARE, *peers):
            with servers.started(name) as server, load.on(server) as on:
                on.open(server.streams(0, first))  # what is done once only, is done
                wanted = server.streams(first, streams)
                _open(on, wanted, figures, RATE, CPU)
                if AUTHENTICATED in scale.hubs and name in scale.hubs:
                    _open(on, wanted, figures, AGAIN, CPU_AGAIN)
    for hub in scale.hubs:
        figures.ask(RATE, hub, 3000, named("opening: at least 3,000 streams/s", hub), at_least=True)
        asked = named("opening: streams/s at least 0.6 x a bare aiohttp handler's", hub)
        figures.compare(RATE, hub, BARE, 0.6, asked, at_least=True)


def _open(on: Load, wanted: Sequence[Wanted], figures: Figures, rate: What, cost: What) -> None:
    name, streams = on.server.name, sum(group.count for group in wanted)
    cpu, readers = on.server.cpu(), on.readers.cpu()
    seconds = on.open(wanted)
    used, read = on.server.cpu() - cpu, on.readers.cpu() - readers
    figures.add(rate, name, streams / seconds)
    figures.add(cost, name, used / streams * 1e6)
    if rate is RATE:
        figures.add(fan_out.load_busy(NAME), name, read / seconds)
        figures.add(fan_out.server_busy(NAME), name, used / seconds)
