"""Names that users give, on NATS: they mean nothing to the server, wherever they stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import IdempotencyConflict
from sse_signals.model import IdempotencyKey, Signal
from tests.brokers.nats_world import DEADLINE, opened, operator, signals
from tests.brokers.nats_world import read as follow

if TYPE_CHECKING:
    from tests.brokers.servers import NatsServer

NAMES = ("*", ">", "a.b", "a b", "a?[x]", "{tag}", "é\u2028", "\r\nNats-Msg-Id: x", "", "$JS.API.STREAM.DELETE.x")


async def test_names_mean_nothing_to_the_server(nats_server: NatsServer) -> None:
    """security.md 18 and 43: whatever a topic, publisher or key is called, it goes into no subject and no header."""
    async with opened(nats_server.url, name="names") as broker:
        start = await broker.head()
        for name in NAMES:
            said = [Signal(b"1", name or None, frozenset({name}), None)]
            receipts = [await broker.publish(said, key=IdempotencyKey.of(name, name, said)) for _ in range(2)]
            assert [each.repeated for each in receipts] == [False, True]
            assert receipts[0].ids == receipts[1].ids
            with pytest.raises(IdempotencyConflict):
                await broker.publish(signals(1), key=IdempotencyKey.of(name, name, signals(1)))
        events = await follow(broker, start, len(NAMES))
        assert [(event.address, event.targets) for event in events] == [(n or None, frozenset({n})) for n in NAMES]
        async with operator(nats_server.url) as jetstream:
            info = await jetstream.stream_info("names", subjects_filter=">")
        assert info.state.subjects == {"names.0": len(NAMES)}
        state = broker.state
        for name in NAMES:
            assert await state.claim("c/" + name, 60)
            await state.put("f/" + name, name.encode(), 60)
        for name in NAMES:
            assert not await state.claim("c/" + name, 60)
            assert ("f/" + name, name.encode()) in await state.items("f/" + name)
        assert dict(await state.items("f/")) == {"f/" + name: name.encode() for name in NAMES}


async def test_keys_of_any_length_are_found_by_any_beginning(nats_server: NatsServer) -> None:
    """Also those longer than a subject can be."""
    async with opened(nats_server.url, name="long") as broker:
        keys = ["k" * length for length in (1, 11, 12, 13, 24, 191, 192, 193, 5000)]
        for key in keys:
            await broker.state.put(key, b"1", 60)
        for prefix in ("", *keys):
            found = sorted(key for key, _ in await broker.state.items(prefix))
            assert found == [key for key in keys if key.startswith(prefix)]


async def test_many_values_are_read(nats_server: NatsServer) -> None:
    """More than are asked for at once."""
    async with opened(nats_server.url, name="many", timeout=DEADLINE) as broker:
        await asyncio.gather(*(broker.state.put(f"f/{number}", b"%d" % number, 60) for number in range(250)))
        assert sorted(int(value) for _, value in await broker.state.items("f/")) == list(range(250))
