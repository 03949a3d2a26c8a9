from __future__ import annotations

import asyncio

import pytest

from sse_signals.cursor.local import Subscription
from sse_signals.cursor.start import NOTHING, Live
from sse_signals.identity import ANONYMOUS
from sse_signals.topics import EVERYTHING
from tests.fakes import Network


async def test_a_subscription_is_a_stream_that_takes_no_bytes() -> None:
    """Nothing can ever be written to it: what comes makes it fall behind, which wakes its reader."""
    network = Network()
    subscription = Subscription(network.node, EVERYTHING, ANONYMOUS, None)
    subscription.open(Live(), NOTHING)
    reading = asyncio.ensure_future(anext(subscription))
    await asyncio.sleep(0)
    assert subscription.stream.live
    event_id = network.publish()
    network.run()
    assert not subscription.stream.live
    assert (await reading).id == event_id
    with pytest.raises(RuntimeError, match="nothing is ever written"):
        subscription.stream.transport.write(b"x")


async def test_an_aborted_subscription_ends() -> None:
    """Whoever reads gets the end, not an error, and is not left waiting."""
    network = Network()
    subscription = Subscription(network.node, EVERYTHING, ANONYMOUS, None)
    subscription.open(Live(), NOTHING)
    reading = asyncio.ensure_future(anext(subscription, None))
    await asyncio.sleep(0)
    subscription.stream.abort("shutdown")
    assert await reading is None
    subscription.close()
    assert subscription.stream.ended == "shutdown"
    assert (len(network.node.hub.streams), network.node.hub.groups) == (0, 0)
