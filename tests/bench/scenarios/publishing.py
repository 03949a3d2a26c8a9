"""S5: how fast signals can be published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.bench.readers import Wanted
from sse_signals.bench.target import Form
from tests.bench import load, servers
from tests.bench.figures import Figures, What
from tests.bench.servers import BARE, named

if TYPE_CHECKING:
    from tests.bench.load import Load
    from tests.bench.scale import Scale
    from tests.bench.servers import Server

NAME = "S5 publishing"
REQUESTS = What(NAME, "requests, one signal each", "/s")
CPU = What(NAME, "server CPU per request", "us")
SIGNALS = What(NAME, "signals, 100 a request", "/s")
_IN_FLIGHT = 8
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Batch(Form):
    """Many signals in one request, the same message in all of them."""

    def request(self, message: bytes) -> bytes:
        """Return the request that publishes a message many times."""
        body = b"[" + b",".join([self.before + message + self.after] * _BATCH) + b"]"
        return b"%bContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body)


def measure(scale: Scale, figures: Figures) -> None:
    """Publish to nobody."""
    for _ in range(scale.runs):
        for name in (*scale.hubs, BARE):
            with servers.started(name) as server:
                requests, cpu = _publish(server, scale, server.form('"topic":"bench"'))
                figures.add(REQUESTS, name, requests)
                figures.add(CPU, name, cpu)
        for name in scale.hubs:
            with servers.started(name) as server:
                one = server.form('"topic":"bench"')
                requests, _ = _publish(server, scale, Batch(one.head, one.before, one.after))
                figures.add(SIGNALS, name, requests * _BATCH)
    for hub in scale.hubs:
        asked = "publishing: requests/s at least 0.75 x a bare aiohttp handler's that reads and answers JSON"
        figures.compare(REQUESTS, hub, BARE, 0.75, named(asked, hub), at_least=True)
        asked = "publishing batches of 100: at least 25,000 signals/s"
        figures.ask(SIGNALS, hub, 25_000, named(asked, hub), at_least=True)


def _publish(server: Server, scale: Scale, form: Form) -> tuple[float, float]:
    with load.on(server, forms=[form]) as on:
        return publish_on(on, scale, _IN_FLIGHT, checked=server.name != BARE and not isinstance(form, Batch))


def publish_on(on: Load, scale: Scale, in_flight: int, *, checked: bool = True) -> tuple[float, float]:
    """Return requests per second, and microseconds of CPU for each.

    Args:
        on: The load.
        scale: For how long.
        in_flight: How many requests are unanswered at a time.
        checked: Whether to check that the hub has kept all it accepted.
    """
    server = on.server
    warming = on.publishers.call("busy", in_flight, scale.seconds / 10)
    cpu = server.cpu()
    published = on.publishers.call("busy", in_flight, scale.seconds * 0.6)
    cpu = server.cpu() - cpu
    if checked:
        on.open([Wanted("kept", server.stream(query="topic=bench&since=all", listener=0))])
    for each in (warming, published):
        on.expect(each)
    on.check()
    return published.count / published.seconds, cpu / published.count * 1e6
