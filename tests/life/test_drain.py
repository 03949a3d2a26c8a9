from __future__ import annotations

import asyncio

from sse_signals.cursor.start import Live
from sse_signals.life.drain import drain
from tests.fakes import Client, Network

DEADLINE = 10  # seconds


def opened(network: Network, *capacities: int | None) -> list[Client]:
    """Open streams whose connections take so many bytes."""
    clients = [network.client() for _ in capacities]
    for client, capacity in zip(clients, capacities, strict=True):
        client.open(Live())
        client.transport.capacity = capacity
    return clients


async def test_draining_says_goodbye_to_everybody() -> None:
    """Each stream gets a reason and a moment of its own to come back, and ends; nobody who reads is cut off."""
    network = Network()
    clients = opened(network, *[None] * 20)
    gone = asyncio.Event()
    gone.set()
    await drain([c.stream for c in clients], gone, reason="shutdown", clock=lambda: 0, patience=DEADLINE)
    assert all(c.stream.ended == "shutdown" for c in clients)
    assert all(c.controls == ["signals.goodbye"] for c in clients)
    assert len({c.transport.taken for c in clients}) > 10, "they come back at different moments"


async def test_draining_has_an_end() -> None:
    """A connection that takes nothing is aborted when patience is over; one that is closed by then is not touched."""
    network = Network()
    stuck, closed = opened(network, 0, None)
    network.node.hub.close(closed.stream)
    await drain([stuck.stream, closed.stream], asyncio.Event(), reason="shutdown", clock=lambda: 0, patience=0.01)
    assert stuck.transport.aborted
    assert not closed.transport.aborted
