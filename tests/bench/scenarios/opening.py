"""S4: how fast streams can be opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.scenarios import fan_out
from tests.bench.servers import BARE, HUB, NAIVE, NCHAN

if TYPE_CHECKING:
    from tests.bench.scale import Scale

NAME = "S4 opening"
RATE = What(NAME, "streams opened", "/s")
CPU = What(NAME, "server CPU per stream", "us")


def measure(scale: Scale, figures: Figures) -> None:
    """Open streams, 64 at a time."""
    peers = [NAIVE, NCHAN] if NCHAN in servers.available() else [NAIVE]
    streams = scale.streams * 3
    for _ in range(scale.runs):
        for name in (HUB, BARE, *peers):
            with servers.started(name) as server, load.on(server) as on:
                on.open(scale.streams // 10)  # what is done once only, is done
                cpu, readers = server.cpu(), on.readers.cpu()
                seconds = on.open(streams)
                used, read = server.cpu() - cpu, on.readers.cpu() - readers
                figures.add(RATE, name, streams / seconds)
                figures.add(CPU, name, used / streams * 1e6)
                figures.add(fan_out.load_busy(NAME), name, read / seconds)
                figures.add(fan_out.server_busy(NAME), name, used / seconds)
    figures.ask(RATE, HUB, 3000, "opening: at least 3,000 streams/s", at_least=True)
    figures.compare(RATE, HUB, BARE, 0.6, "opening: streams/s at least 0.6 x a bare aiohttp handler's", at_least=True)
