"""S6: everybody comes back at once, and those who were never away must not notice."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from sse_signals.bench.readers import Readers, Wanted
from sse_signals.bench.remote import Remote
from tests.bench import load, machine, servers
from tests.bench.figures import Figures, What
from tests.bench.servers import HUB

if TYPE_CHECKING:
    from tests.bench.scale import Scale

NAME = "S6 resuming"
RATE = What(NAME, "events caught up, opening included", "/s")
P99 = What(NAME, "latency p99 of live streams meanwhile", "ms")
BEFORE = What(NAME, "latency p99 of live streams before", "ms")
_ID = re.compile(rb"id: (\S+)")
_PUBLISHERS = 8
_LIVE = 10  # one of so many streams stays live
_PATIENCE = 30.0  # seconds in which all have caught up


def measure(scale: Scale, figures: Figures) -> None:
    """Bring streams behind, and resume them all while events go on."""
    for _ in range(scale.runs):
        _measure(scale, figures)
    events = f"{scale.streams:,} streams resume {scale.backlog:,} events each, all at once"
    figures.ask(RATE, HUB, 1_000_000, f"{events}: at least 1,000,000 events/s", at_least=True)
    figures.ask(P99, HUB, 50, f"{events}: p99 of what is published meanwhile at most 50 ms")


def receipt_id(preamble: bytes) -> str:
    """Return the id that a stream began with."""
    found = _ID.search(preamble)
    if found is None:
        raise RuntimeError(f"no id in {preamble!r}")
    return found[1].decode()


def _measure(scale: Scale, figures: Figures) -> None:
    with servers.started(HUB) as server, load.on(server) as on:
        # Publishers that keep their connections: a new one would wait behind all who come back.
        on.busy(_PUBLISHERS, scale.seconds / 50)
        on.open([Wanted("live", server.target.stream, scale.streams // _LIVE)])
        began = receipt_id(on.readers.call("preambles")[0])
        on.steady(500, scale.backlog / 500)
        missed = on.expected["live"]
        calm = on.steady(scale.rate, scale.seconds / 5)
        figures.add(BEFORE, HUB, calm.tally.latencies.percentile(99) / 1000)
        request = server.stream(query=f"topic=bench&lastEventId={began}")
        with Remote(Readers, server.target.address, on.messages, core=machine.READER_CORE) as resuming:
            resuming.cpu()  # it is there, and not still starting
            on.readers.call("forget_latencies")
            on.publishers.begin("steady", scale.rate, 2 * _PATIENCE)  # for as long as it takes
            started = time.monotonic()
            wanted = [Wanted("resumed", request, scale.streams)]
            resuming.call("open", wanted, server.target.ready, scale.streams, _PATIENCE, scale.streams)
            if not resuming.call("watch", {"resumed": missed}, _PATIENCE):
                raise RuntimeError("not every stream caught up")
            seconds = time.monotonic() - started
            on.expect(on.stop())
            meanwhile = on.check().latencies
            if not meanwhile.count:
                raise RuntimeError("nothing was published while streams were behind")
            everything = {"resumed": on.expected["live"]}
            resuming.call("watch", everything, _PATIENCE)
            if not resuming.call("tally", everything).exact:
                raise RuntimeError("a resumed stream missed something")
        figures.add(RATE, HUB, missed * scale.streams / seconds)
        figures.add(P99, HUB, meanwhile.percentile(99) / 1000)
