"""A batch that concerns many streams is taken in slices, between which the loop goes round."""

from __future__ import annotations

import asyncio
import itertools
from unittest import mock

from sse_signals import EventBroker
from sse_signals.cursor.start import Live
from sse_signals.hub.stream import Stream
from sse_signals.identity import ANONYMOUS
from sse_signals.model import Signal
from sse_signals.topics import Filters
from sse_signals.wire.formats import SSE_PLAIN
from tests.web.doors import until

STREAMS = 300
BATCH = 1000


class Sink:
    """A connection that takes everything at once."""

    def write(self, _data: bytes, /) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _name: str, /) -> None:
        return None

    def abort(self) -> None:
        pass


async def test_the_loop_goes_round_while_a_batch_is_taken() -> None:
    """Others get many turns between the first signal of a batch and its last, and every stream gets all of them."""
    broker = EventBroker.from_url("memory://")
    await broker.start()
    node = broker.service.node
    streams = []
    for number in range(STREAMS):
        stream = Stream(
            name=str(number), filters=Filters.parse(["a", f"b{number}"]), identity=ANONYMOUS,
            wire_format=SSE_PLAIN, transport=Sink(), notify=lambda: None,
        )  # fmt: skip
        node.open(stream, Live())
        node.turnstile.enter(stream)
        streams.append(stream)
    await until(lambda: all(stream.live for stream in streams))
    assert node.hub.groups == STREAMS

    before, turns = node.history.head, 0
    loop = asyncio.get_running_loop()
    ticks = itertools.count(loop.time(), 0.0005)  # every look at the clock takes its time, on every machine
    with mock.patch.object(loop, "time", side_effect=ticks):
        receipt = await broker.publish([Signal(b"1", "a")] * BATCH)
        last = receipt.ids[-1].position
        while node.history.head < last:
            turns += node.history.head > before
            await asyncio.sleep(0)
    while not all(stream.events == BATCH for stream in streams):
        for stream in streams:
            node.turnstile.enter(stream)
        await asyncio.sleep(0)
    assert turns >= 20
    for stream in streams:
        node.hub.close(stream)
    await broker.stop()
