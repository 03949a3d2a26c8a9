from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import pytest

from sse_signals.cursor.start import Live
from sse_signals.life import drain as room
from sse_signals.life.drain import drain, one_by_one, send_away
from tests.fakes import Client, Network

if TYPE_CHECKING:
    from sse_signals.hub.stream import Stream

DEADLINE = 30  # seconds


def opened(network: Network, *capacities: int | None) -> list[Client]:
    """Open streams whose connections take so many bytes."""
    clients = [network.client() for _ in capacities]
    for client, capacity in zip(clients, capacities, strict=True):
        client.open(Live())
        client.transport.capacity = capacity
    return clients


async def drained(network: Network, clients: list[Client], gone: asyncio.Event, patience: float) -> tuple[int, int]:
    """Drain streams."""
    streams = [client.stream for client in clients]
    hub = network.node.hub
    return await drain(streams, gone, hub=hub, reason="shutdown", clock=lambda: 0, patience=patience)


async def test_draining_says_goodbye_to_everybody() -> None:
    """Each stream gets a reason and a moment of its own to come back, and ends; nobody who reads is cut off."""
    network = Network()
    clients = opened(network, *[None] * 20)
    gone = asyncio.Event()
    gone.set()
    network.node.hub.close(clients[0].stream)
    assert (await drained(network, clients, gone, DEADLINE))[0] == 19
    assert all(c.stream.ended == "shutdown" for c in clients[1:])
    assert all(c.controls == ["signals.goodbye"] for c in clients[1:])
    assert len({c.transport.taken for c in clients}) > 10, "they come back at different moments"


async def test_draining_has_an_end() -> None:
    """A connection that takes nothing is aborted when patience is over; one that is closed by then is not touched."""
    network = Network()
    stuck, closed = opened(network, 0, None)
    network.node.hub.close(closed.stream)
    assert await drained(network, [stuck, closed], asyncio.Event(), 0.01) == (1, 1)
    assert stuck.transport.aborted
    assert not closed.transport.aborted


async def test_nothing_is_written_after_a_goodbye() -> None:
    """What waits for a stream that is sent away is not written: it resumes with it."""
    network = Network()
    (client,) = opened(network, None)
    network.scheduler.advance(0)
    event_id = network.publish()
    send_away(client.stream, network.node.hub, "shutdown", 0)
    network.publish()
    network.scheduler.advance(0)
    assert client.controls == ["signals.goodbye"]
    assert event_id not in client.ids


class Sent:
    """Sends streams away, and remembers which, in which order."""

    def __init__(self) -> None:
        self.order: list[Stream] = []

    async def __call__(self, stream: Stream) -> None:
        """Send one away."""
        stream.end("shutdown")
        self.order.append(stream)


async def test_one_by_one_means_evenly_and_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its moment in the window, whoever came first; the last is left; who has gone is not waited for."""
    waits: list[float] = []

    async def pause(seconds: float, _hurry: asyncio.Event) -> None:
        waits.append(seconds)

    monkeypatch.setattr(room, "pause", pause)
    streams = [client.stream for client in opened(Network(), *[None] * 20)]
    streams[7].end("client-gone")
    sent = Sent()
    await one_by_one(streams, sent, window=19_000, hurry=asyncio.Event())
    assert waits == [pytest.approx(1000 * (number + 0.5), abs=60) for number in range(19)]
    assert len(sent.order) == 18
    assert sent.order != [stream for stream in streams if stream in sent.order]


async def test_who_leaves_meanwhile_is_not_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends before its moment, or while it is waited for, is passed over."""
    streams = [client.stream for client in opened(Network(), *[None] * 3)]
    monkeypatch.setattr(random, "shuffle", lambda _: None)

    async def pause(_seconds: float, _hurry: asyncio.Event) -> None:
        for stream in streams[:2]:
            stream.end("client-gone")

    monkeypatch.setattr(room, "pause", pause)
    sent = Sent()
    await one_by_one(streams, sent, window=1000, hurry=asyncio.Event())
    assert sent.order == []
    assert streams[2].ended is None


async def test_a_hurry_leaves_the_rest() -> None:
    """Once somebody is in a hurry nobody is waited for any more."""
    streams = [client.stream for client in opened(Network(), *[None] * 3)]
    hurry, sent = asyncio.Event(), Sent()
    task = asyncio.create_task(one_by_one(streams, sent, window=1000, hurry=hurry))
    await asyncio.sleep(0)
    hurry.set()
    async with asyncio.timeout(DEADLINE):
        await task
    assert sent.order == []


async def test_without_a_window_nobody_is_waited_for() -> None:
    """With no time at all every one is left to the caller, and with nobody there is nothing to do."""
    streams = [client.stream for client in opened(Network(), *[None] * 3)]
    sent = Sent()
    await one_by_one(streams, sent, window=0, hurry=asyncio.Event())
    assert sent.order == []
    await one_by_one([], sent, window=1000, hurry=asyncio.Event())
