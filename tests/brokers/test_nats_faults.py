"""A NATS server that dies, stops, forgets or is not there: nothing acknowledged is lost, nothing waits for ever."""

from __future__ import annotations

import asyncio
import functools
import signal
import time
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, IdempotencyKey, Signal
from tests.brokers.nats_world import (
    USUAL,
    Node,
    Publisher,
    no_other,
    opened,
    operator,
    read,
    returned,
    running,
    signals,
    until,
)
from tests.brokers.servers import SLACK, NatsServer
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWER = 1.5 + SLACK  # seconds: the timeout, and what a busy machine adds


def all_have(publishers: list[Publisher], wanted: int) -> bool:
    """Say whether each publisher has so many acknowledgements."""
    return all(len(each.acknowledged) >= wanted for each in publishers)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of its own, which waits for its disk."""
    started = NatsServer(tmp_path).start()
    yield started
    started.stop()


async def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(server: NatsServer) -> None:
    """Ten times under load: each number is in the log once, and a follower gets all, once and under the same ids."""
    async with opened(server.url) as broker, opened(server.url) as other:
        start = await broker.head()
        node = Node(other, start)
        publishers = [Publisher(broker, number * 10**6) for number in range(8)]
        async with running(node.run(), *(each.run() for each in publishers)) as tasks:
            for _ in range(10):
                wanted = min(len(each.acknowledged) for each in publishers) + 5
                await until(functools.partial(all_have, publishers, wanted))
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            await returned(broker)
            for each in publishers:
                each.stopped = True
            await asyncio.wait(tasks[1:])
            head = await returned(broker)
            await until(lambda: node.at.position >= head.position)
        assert [event.position >> 10 for event in node.events] == list(range(1, (head.position >> 10) + 1))
        told = [event for event in node.events if event.frame]
        assert len(told) + len(node.forks) >= len(node.events), (
            "what else is in the log says that it may have lost something"
        )
        ids = {event.message: EventId(event.epoch, event.position) for event in told}
        assert len(ids) == len(told), "a number is in the log twice"
        for each in publishers:
            assert {number: ids.get(number) for number in each.acknowledged} == each.acknowledged


async def test_after_its_return_the_next_publish_is_taken(server: NatsServer) -> None:
    """While it is away publishing fails at once and is known not to have happened."""
    async with opened(server.url) as broker:
        first = await broker.publish(signals(1))
        await asyncio.to_thread(server.kill)
        for _ in range(3):
            begun = time.monotonic()
            with pytest.raises(BrokerUnavailable) as caught:
                await broker.publish(signals(2))
            assert time.monotonic() - begun < ANSWER
        assert not caught.value.outcome_unknown
        await asyncio.to_thread(server.start)
        begun = time.monotonic()
        await returned(broker)
        second = await broker.publish(signals(3))
        assert time.monotonic() - begun < 0.5 + SLACK
        assert second.ids[0] == EventId(first.ids[0].epoch, first.ids[0].position + 1024)


async def test_a_server_that_stops_is_noticed(server: NatsServer) -> None:
    """Publishing says in time that its outcome is unknown, following fails; a repeat with the key is published once."""
    said = signals(2)
    key = IdempotencyKey.of("me", "k", said)
    async with opened(server.url, timeout=USUAL) as broker, opened(server.url, timeout=USUAL) as other:
        start = (await broker.publish(signals(1))).ids[0]
        following = asyncio.ensure_future(read(other, start, 1))
        await asyncio.sleep(0)
        server.signal(signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(BrokerUnavailable) as caught:
                await broker.publish(said, key=key)
            assert time.monotonic() - begun < ANSWER
            assert caught.value.outcome_unknown
            for call in (
                broker.head(),
                broker.state.claim("a", 1),
                broker.state.put("a", b"", 1),
                broker.state.items("a"),
            ):
                begun = time.monotonic()
                with pytest.raises(BrokerUnavailable):
                    await call
                assert time.monotonic() - begun < ANSWER
            with pytest.raises(BrokerUnavailable):
                await asyncio.wait_for(following, 3.5 + SLACK)
        finally:
            server.signal(signal.SIGCONT)
        await returned(broker)
        receipt = await broker.publish(said, key=key)
        assert await broker.head() == receipt.ids[0]
        assert [event.message for event in await read(other, start, 1)] == [2]


async def test_a_deleted_stream_is_made_anew_with_another_epoch(server: NatsServer) -> None:
    """Who follows learns that the log has gone; what is published then is in another log."""
    async with opened(server.url) as broker, operator(server.url) as jetstream:
        before = (await broker.publish(signals(1))).ids[0]
        following = asyncio.ensure_future(read(broker, before, 1))
        await asyncio.sleep(0)
        await jetstream.delete_stream("signals")
        with pytest.raises(BrokerUnavailable) as caught:
            await broker.publish(signals(2))
        assert not caught.value.outcome_unknown
        with pytest.raises(BrokerUnavailable):
            await asyncio.wait_for(following, 0.5 + SLACK)  # not only when it has been silent for too long
        after = (await broker.publish(signals(3))).ids[0]
        assert after.epoch != before.epoch
        assert after.position == before.position
        assert [event.message for event in await read(broker, before, 1)] == [3]


async def test_a_server_that_comes_back_empty_has_another_log(server: NatsServer) -> None:
    """Its epoch is another, and a follower gets everything in it."""
    async with opened(server.url) as broker:
        before = (await broker.publish(signals(1, 2))).ids[-1]
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.empty)
        await asyncio.to_thread(server.start)
        head = await returned(broker)
        assert head.epoch != before.epoch
        assert head.position == 0
        await broker.publish(signals(3))
        assert [event.message for event in await read(broker, before, 1)] == [3]


async def test_nothing_is_left_of_a_connection_that_was_cut_with_much_to_send(server: NatsServer) -> None:
    """The client then fails as it cleans up after itself."""
    before = asyncio.all_tasks()
    large = [Signal(b'"%b"' % (b"x" * 500_000))]
    async with opened(server.url, timeout=USUAL) as broker:
        await broker.publish(signals(1))
        server.signal(signal.SIGSTOP)
        waiting = [asyncio.ensure_future(broker.publish(large)) for _ in range(30)]
        await asyncio.sleep(0.05)  # the socket is full; what comes now stays with the client
        said = await asyncio.gather(*waiting, broker.publish(large), return_exceptions=True)
        server.signal(signal.SIGCONT)
        assert {type(each) for each in said} == {BrokerUnavailable}
    await no_other(before)


async def test_closing_answers_whoever_waits(server: NatsServer) -> None:
    """A publish that is under way fails, and no task is left."""
    before = asyncio.all_tasks()
    async with opened(server.url) as broker:
        await broker.publish(signals(1))
        server.signal(signal.SIGSTOP)
        waiting = [asyncio.ensure_future(broker.publish(signals(n))) for n in range(3)]
        await asyncio.sleep(0.01)
    server.signal(signal.SIGCONT)
    for each in waiting:
        with suppress(BrokerUnavailable):
            await asyncio.wait_for(each, 0.5 + SLACK)  # at once, and not for the timeout
            raise AssertionError("it was published")
    await no_other(before)


@pytest.mark.parametrize("fault", ["half_open", "cut"])
async def test_a_network_that_fails_is_noticed(server: NatsServer, fault: str) -> None:
    """Publishing says so in time and following within 3 s; when the network is back, both go on as before."""
    async with (
        FaultProxy("127.0.0.1", server.port) as proxy,
        opened(f"nats://127.0.0.1:{proxy.port}", timeout=USUAL) as broker,
    ):
        before = await broker.head()
        start = (await broker.publish(signals(1))).ids[0]
        pieces: Any = broker.follow(before)
        async with aclosing(pieces):
            await anext(pieces)
            begun = time.monotonic()
            if fault == "cut":
                proxy.cut()
            else:
                await proxy.half_open()
            with pytest.raises(BrokerUnavailable):
                await anext(pieces)
        assert time.monotonic() - begun < 3 + SLACK
        with pytest.raises(BrokerUnavailable):
            await broker.publish(signals(2))
        await proxy.restore()
        begun = time.monotonic()
        assert await returned(broker) == start
        await broker.publish(signals(3))
        assert time.monotonic() - begun < 1.5 + SLACK
        assert [event.message for event in await read(broker, start, 1)] == [3]
