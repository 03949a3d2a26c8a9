"""A node that cannot reach the shared state tries again soon, since meanwhile it knows of no new revocation."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sse_signals.life import security
from sse_signals.life.revocations import Revocation
from tests.fakes import NOON
from tests.life.cluster import ANN, Cluster, Peer, ann, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

SOON = 2.0  # seconds; half of what it waits between two looks otherwise


@asynccontextmanager
async def cut_off(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Cluster, Peer]]:
    """Run a node that cannot reach the shared state, and looks for it without a pause."""
    monkeypatch.setattr(security, "AGAIN", 0.001)
    nodes = Cluster()
    nodes.state.cut = True
    peer = Peer(nodes)
    await peer.service.start()
    await peer.security.start()
    try:
        yield nodes, peer
    finally:
        await peer.security.stop()
        await peer.service.stop()


async def test_a_node_that_starts_in_an_outage_lets_people_in_soon_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait as long as if it had learnt something."""
    async with cut_off(monkeypatch) as (nodes, peer):
        assert not peer.security.in_step
        nodes.state.cut = False
        async with asyncio.timeout(SOON):
            await until(lambda: peer.security.in_step)


async def test_13_a_revocation_is_learnt_soon_after_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """13: however many looks were in vain."""
    async with cut_off(monkeypatch) as (nodes, peer):
        stream = peer.open(ann())
        looks: list[bool] = []
        say = peer.nodes.here

        async def counted() -> None:
            looks.append(True)
            await say()

        monkeypatch.setattr(peer.nodes, "here", counted)
        async with asyncio.timeout(SOON):
            await until(lambda: len(looks) > 3)
            nodes.state.cut = False
            await nodes.state.put("revoked/a", Revocation("subject", ANN, NOON).encode(), 60)
            await until(lambda: stream.ended == "revoked")


async def test_an_outage_is_told_ever_more_seldom() -> None:
    """At the 1st, 2nd, 4th and 8th look in vain, and from the beginning again after one that was not."""
    nodes = Cluster()
    peer = Peer(nodes)
    await peer.service.start()
    try:
        for looks, told in ((9, [1, 2, 4, 8]), (1, [1])):
            said: list[int] = []
            peer.security._logger = Logger(said)
            nodes.state.cut = True
            assert [await peer.security.keep_in_step() for _ in range(looks)] == [False] * looks
            nodes.state.cut = False
            assert await peer.security.keep_in_step()
            assert said == told
    finally:
        await peer.service.stop()


class Logger:
    """Notes how often in a row nobody could be heard."""

    def __init__(self, said: list[int]) -> None:
        self._said = said

    def warning(self, _event: str, **fields: Any) -> None:
        self._said.append(fields["times"])

    def info(self, _event: str, **_fields: Any) -> None:
        """Note nothing."""
