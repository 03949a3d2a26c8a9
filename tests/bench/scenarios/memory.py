"""S3: what a stream costs in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.servers import NCHAN, named

if TYPE_CHECKING:
    from tests.bench.scale import Scale

NAME = "S3 memory"
IDLE = What(NAME, "user-space memory per idle stream", "KiB")
SOME = What(NAME, "the same after 1 x the events", "KiB")
MORE = What(NAME, "the same after 10 x the events", "KiB")
_PATIENCE = 120.0  # seconds for everything to arrive: 90 million events are 17 GB, which one core compares


def measure(scale: Scale, figures: Figures) -> None:
    """Open many streams, then send them events: 1,000, and 10,000."""
    for name in (*scale.hubs, NCHAN) if NCHAN in servers.available() else scale.hubs:
        with servers.started(name) as server, load.on(server, patience=_PATIENCE) as on:
            on.readers.cpu()  # the load runs: what it shares with the server counts no more as the server's alone
            on.publishers.cpu()
            before = server.memory()

            def per_stream(before: int = before, used: servers.Server = server) -> float:
                return (used.memory() - before) / scale.many / 1024

            on.open(scale.many, timed_every=scale.many)
            figures.add(IDLE, name, per_stream())
            if name != NCHAN:
                on.steady(200, scale.backlog / 200)
                figures.add(SOME, name, per_stream())
                on.steady(1000, scale.backlog * 9 / 1000)
                figures.add(MORE, name, per_stream())
    for hub in scale.hubs:
        _ask(figures, scale, hub)


def _ask(figures: Figures, scale: Scale, hub: str) -> None:
    figures.ask(IDLE, hub, 16, named("memory of an idle stream: at most 16 KiB", hub))
    asked = f"memory of a stream after {scale.backlog:,} events: at most 18 KiB"
    figures.ask(SOME, hub, 18, named(asked, hub))
    figures.ask(MORE, hub, 18, named(f"and after {scale.backlog * 10:,} events: still at most 18 KiB", hub))
    asked = named("memory of a stream is flat: after 10 x the events at most 1.1 x that after 1 x", hub)
    figures.relate(NAME, figures.of(MORE, hub), figures.of(SOME, hub), 1.1, asked)
