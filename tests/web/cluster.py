"""Two nodes of a hub with authentication, each with an event broker of its own, on one real Redis or NATS."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from sse_signals import EventBroker
from sse_signals.broker_options import BrokerOptions
from tests.authenticated import House, Tokens, WallClock, house
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.life.security import Security

_numbers = count(1)


@dataclass(frozen=True)
class Two:
    """Two nodes on one log, with one clock and one issuer of tokens.

    Attributes:
        url: Of the broker itself.
        name: Of the log.
        here: A node.
        there: The other one.
        line: The network between the other node and the broker.
        lines: The networks of both.
    """

    url: str
    name: str
    here: House
    there: House
    line: FaultProxy
    lines: tuple[FaultProxy, FaultProxy]

    @property
    def nodes(self) -> tuple[House, House]:
        """Both nodes."""
        return self.here, self.there

    def cut(self) -> None:
        """Have both nodes lose the broker."""
        for line in self.lines:
            line.cut()

    async def restore(self) -> None:
        """Let both nodes reach the broker again."""
        for line in self.lines:
            await line.restore()


def security_of(node: House) -> Security:
    """Return what a node knows of who may be there."""
    security = node.service.site.security
    assert security is not None
    return security


@asynccontextmanager
async def two_nodes(url: str, **options: Any) -> AsyncIterator[Two]:
    """Run two nodes on a new log of a broker.

    Args:
        url: The broker's.
        options: Of both nodes; see `tests.authenticated.house`.
    """
    name, clock = f"two-{next(_numbers)}", WallClock()
    tokens = Tokens(clock)
    options["authentication"] = {"secret": b"s" * 32, **options.get("authentication", {})}
    broker = urlsplit(url)
    assert broker.hostname is not None
    assert broker.port is not None
    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(FaultProxy(broker.hostname, broker.port)) for _ in range(2)]
        nodes = []
        for line in lines:
            event_broker = EventBroker.from_url(
                f"{broker.scheme}://127.0.0.1:{line.port}",
                options=BrokerOptions(name=name),
                clock=clock,
                logger=structlog.get_logger("sse_signals"),
            )
            stack.push_async_callback(event_broker.close)
            node = house(event_broker=event_broker, clock=clock, tokens=tokens, **options)
            nodes.append(await stack.enter_async_context(node))
        yield Two(url, name, nodes[0], nodes[1], lines[1], (lines[0], lines[1]))
