"""The end of a node: what it still has to tell the others about who is revoked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable
from sse_signals.life import security
from sse_signals.life.revocations import Revocation
from tests.fakes import NOON
from tests.life.cluster import ANN, ann, cluster, until

if TYPE_CHECKING:
    from tests.life.cluster import Cluster

REVOKED = Revocation("subject", ANN, NOON)


def slow_state(nodes: Cluster) -> tuple[asyncio.Event, asyncio.Event]:
    """Have the state take its time with revocations; return what is set when it is asked, and what lets it go on."""
    asked, goes_on = asyncio.Event(), asyncio.Event()
    put = nodes.state.put

    async def slow_put(key: str, value: bytes, ttl: float) -> None:
        if key.startswith("revoked/"):
            asked.set()
            await goes_on.wait()
        await put(key, value, ttl)

    nodes.state.put = slow_put  # type: ignore[method-assign]
    return asked, goes_on


@pytest.mark.parametrize("gone", [False, True])
async def test_13_a_revocation_under_way_is_told_before_the_end(gone: bool) -> None:
    """13: a node that stops finishes what it has begun, also when who asked for it has gone."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = there.open(ann())
        asked, goes_on = slow_state(nodes)
        revoking = asyncio.create_task(here.security.revoke(REVOKED))
        await asked.wait()
        if gone:
            revoking.cancel()
        stopping = asyncio.create_task(here.security.stop())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not stopping.done()
        goes_on.set()
        await stopping
        with suppress(asyncio.CancelledError):
            await revoking
        assert [value for _, value in await nodes.state.items("revoked/")] == [REVOKED.encode()]
        await until(lambda: stream.ended == "revoked")


async def test_13_a_state_that_never_answers_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """13: only so long is waited for; that others do not know of it is in the log."""
    monkeypatch.setattr(security, "LAST_WORDS", 0.01)
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = here.open(ann())
        asked, _ = slow_state(nodes)
        with capture_logs() as logs:
            revoking = asyncio.create_task(there.security.revoke(Revocation("stream", stream.name, NOON)))
            await asked.wait()
            here.security._obey(b'{"v":1,"do":"revoke","kind":"stream","name":"%s","at":1}' % stream.name.encode())
            await here.security.stop()
        told = [entry for entry in logs if entry["event"] == "other nodes do not know of revocations"]
        assert [(entry["revoked"], entry["count"]) for entry in told] == [(["token t1"], 1)]
        await there.security.stop()
        with pytest.raises(asyncio.CancelledError):
            await revoking


async def test_13_what_could_not_be_told_is_tried_once_more_at_the_end() -> None:
    """13: the token of a stream that was revoked while the state was away is refused elsewhere after all."""
    async with cluster() as nodes:
        here, there = nodes.peers
        stream = there.open(ann())
        nodes.state.cut = nodes.log.cut = True
        with suppress(BrokerUnavailable):
            await there.security.revoke(Revocation("stream", stream.name, NOON))
        await until(lambda: not there.security._errands._tasks)
        nodes.state.cut = nodes.log.cut = False
        with capture_logs() as logs:
            await there.security.stop()
        assert logs == []
        await until(lambda: not here.lets_in(ann()))
