"""Drains and other orders to a node of a cluster, and orders that are none for it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable
from tests.life.cluster import ann, cluster, taken, until


async def test_a_node_is_drained_wherever_the_wish_comes_from() -> None:
    """This node at once, even with the log out of reach; another through the log; an unknown one not at all."""
    async with cluster() as nodes:
        here, there = nodes.peers
        assert await there.security.drain(here.nodes.own)
        await until(lambda: here.drained)
        nodes.log.cut = True
        assert await there.security.drain(there.nodes.own)
        assert (here.drained, there.drained) == (1, 1)
        for name in ("0123abcd", "", "*", "this"):
            assert not await here.security.drain(name)
        with pytest.raises(BrokerUnavailable):
            await there.security.drain(here.nodes.own)


@pytest.mark.parametrize(
    "text", [b'{"v":2,"do":"revoke"}', b'{"v":1,"do":"dance"}', b'{"v":1,"do":"drain","node":"x"}']
)
async def test_orders_for_others_are_none_for_this_node(text: bytes) -> None:
    """What a newer version says, and what another node shall do, is passed over without a word."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        with capture_logs() as logs:
            await nodes.log.control(text)
            await nodes.publish()
        assert logs == []
        assert not here.drained


async def test_a_broken_order_does_not_stop_the_following() -> None:
    """It is told of, and what comes after it arrives."""
    async with cluster(1) as nodes:
        [here] = nodes.peers
        stream = here.open(ann())
        with capture_logs() as logs:
            await nodes.log.control(b"[]")
            await nodes.log.control(b'{"v":1,"do":"renew","stream":[],"identity":{}}')
            event_id = await nodes.publish()
        assert [entry["event"] for entry in logs] == ["a control record cannot be obeyed"] * 2
        assert taken(stream) == [event_id]
