"""Nobody but the node itself ever gets its canary, over real HTTP."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.metrics.canary import TOPIC
from tests.authenticated import ADMIN, PUBLISHER, House, Tokens, WallClock, house
from tests.web.listening import listening, publish


def value(hub: House, name: str) -> float:
    """Return what is collected of a canary."""
    found = hub.service.site.metrics.registry.get_sample_value(f"sse_signals_canary_{name}")
    assert found is not None
    return found


async def test_nobody_else_ever_gets_one() -> None:
    """Neither live nor later: not who asks for everything, nobody anonymous, no administrator, none with a like ref."""
    clock = WallClock()
    tokens, log, state = Tokens(clock), MemoryBroker(clock=clock), MemoryState(clock=clock)
    common: dict[str, Any] = {"tokens": tokens, "log": log, "state": state, "anonymous": True, "canary": 0.02}
    async with house(**common) as one, house(**common) as two, AsyncExitStack() as stack:
        claimed = [f"signals-canary:{hub.service.site.nodes.own}/{'0' * 32}" for hub in (one, two)]
        who = [
            tokens.issue("root", grants=ADMIN),
            tokens.issue("user:default/eve", *claimed, "signals-canary:default/x", grants=PUBLISHER),
            None,
        ]
        asked = ("", "?topic=*", f"?topic={TOPIC}")
        streams = [
            (await stack.enter_async_context(listening(hub, token, query)))[1]
            for hub in (one, two)
            for token in who
            for query in asked
        ]
        async with asyncio.timeout(30):
            while min(value(hub, "seconds_count") for hub in (one, two)) < 3:
                await one.poll(None)
        assert [value(hub, "lost_total") for hub in (one, two)] == [0, 0]
        assert [hub.service.streams for hub in (one, two)] == [len(streams) / 2] * 2
        await publish(one, {"topic": TOPIC, "message": "end"})
        for stream in streams:
            async with asyncio.timeout(30):
                await stream.until(b'"message":"end"')
        for token in who:
            for query in asked:
                past = await two.poll(token, query.replace("?", "&") + "&since=1h", "Accept: application/x-ndjson")
                assert past.body.count(b'"topic"') == past.body.count(b'"message":"end"') == 1
        await asyncio.gather(one.service.drain(), two.service.drain())
        for stream in streams:
            assert (await stream.rest()).messages == ["end"]
