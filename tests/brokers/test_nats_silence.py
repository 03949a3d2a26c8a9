"""A consumer of NATS that is silent: rightly, or not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers import nats_reader
from sse_signals.brokers.nats_reader import StreamReader
from sse_signals.errors import BrokerUnavailable
from tests.brokers.nats_world import opened, operator, read, returned, signals, tell, until

if TYPE_CHECKING:
    from nats.aio.msg import Msg

    from tests.brokers.servers import NatsServer


async def test_a_silent_consumer_is_noticed(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the server's words in between it is gone; if it should have given something, it is not trusted."""
    async with opened(nats_server.url, name="silent") as broker:
        start = await broker.head()
        with monkeypatch.context() as patch:
            patch.setattr(nats_reader, "_SILENCE", 0.1)
            with pytest.raises(BrokerUnavailable, match="gone silent"):
                await read(broker, start, 1)
        await returned(broker)
        with monkeypatch.context() as patch:
            patch.setattr(nats_reader, "_CHECK", 0.05)
            patch.setattr(StreamReader, "take", lambda *_: None)
            following = asyncio.ensure_future(read(broker, start, 1))
            await broker.publish(signals(1))
            with pytest.raises(BrokerUnavailable, match="gives none after 0"):
                await following
        await returned(broker)


@pytest.mark.parametrize("between", [0.02, 60])
async def test_a_consumer_that_has_nothing_to_give_is_trusted(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, between: float
) -> None:
    """However often it is looked at, and when the server ends the request; then the next record comes."""
    monkeypatch.setattr(nats_reader, "_CHECK", between)
    monkeypatch.setattr(nats_reader, "_ASKS", 1.0)
    statuses = heard(monkeypatch)
    async with opened(nats_server.url, name=f"idle-{between > 1}") as broker:
        following = asyncio.ensure_future(read(broker, await broker.head(), 1))
        await until(lambda: "408" in statuses)
        await broker.publish(signals(1))
        assert [event.message for event in await following] == [1]


async def test_a_consumer_that_somebody_deletes_is_told_so(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever follows hears at once what the server says, and the connection is as good as before."""
    statuses = heard(monkeypatch)
    async with opened(nats_server.url, name="deleted") as broker, operator(nats_server.url) as jetstream:
        following = asyncio.ensure_future(read(broker, await broker.head(), 1))
        await until(lambda: "100" in statuses)  # it has asked, and the server waits
        session = await broker._sessions.get(broker._sessions.deadline())
        (consumer,) = await jetstream.consumers_info("deleted")
        await jetstream.delete_consumer("deleted", consumer.name)
        with pytest.raises(BrokerUnavailable, match="cannot be followed: Consumer Deleted"):
            await following
        assert session.link.up


def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the server says to readers from now on, as it comes."""
    statuses: list[str] = []
    told = StreamReader.told

    def listen(reader: StreamReader, status: str, message: Msg) -> None:
        statuses.append(status)
        tell()
        told(reader, status, message)

    monkeypatch.setattr(StreamReader, "told", listen)
    return statuses
