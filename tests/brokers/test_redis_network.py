"""What happens when the network to the Redis server is cut, or swallows what is sent."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.brokers.redis_session import Session
from sse_signals.errors import BrokerUnavailable
from tests.brokers.redis_nodes import (
    AFTER_ALL,
    DEADLINE,
    USUAL,
    made,
    node,
    publish,
    read,
    seconds,
    signals,
    until_it_works,
)
from tests.brokers.servers import SLACK, RedisServer
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may do anything to."""
    server = RedisServer(tmp_path).start()
    yield server
    server.stop()


async def test_a_dead_network_is_noticed_in_time(server: RedisServer) -> None:
    """One that swallows everything: whoever is not handed in is known not to be; and what swallowed it comes back."""
    async with (
        FaultProxy("127.0.0.1", server.port) as proxy,
        node(f"redis://127.0.0.1:{proxy.port}", timeout=USUAL) as broker,
    ):
        head = await publish(broker, 1)
        following = asyncio.ensure_future(read(broker, head, 99))
        await publish(broker, 2)
        await proxy.half_open()
        first = asyncio.ensure_future(broker.publish(signals(3)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second = asyncio.ensure_future(broker.publish(signals(4)))
        with pytest.raises(BrokerUnavailable) as caught:
            await asyncio.wait_for(first, 1.5 + SLACK)
        assert caught.value.outcome_unknown
        with pytest.raises(BrokerUnavailable) as caught:
            await asyncio.wait_for(second, 1.5 + SLACK)
        assert not caught.value.outcome_unknown
        assert await seconds(asyncio.wait_for(following, 3 + SLACK)) < 3 + SLACK
        await proxy.restore()
        assert await until_it_works(lambda: broker.publish(signals(5))) < 1 + SLACK
        assert (await read(broker, AFTER_ALL, 3))[0].message == 1


async def test_a_connection_that_is_swallowed_costs_no_publish(server: RedisServer) -> None:
    """There is time for another one, which gets through."""
    connections = ended = 0
    all_ended = asyncio.Event()

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, ended
        connections = number = connections + 1
        all_ended.clear()
        if number > 1:
            there, back = await asyncio.open_connection("127.0.0.1", server.port)
            await asyncio.gather(pass_on(reader, back), pass_on(there, writer))
        else:
            await pass_on(reader, None)
            writer.close()
        ended += 1
        if ended == connections:
            all_ended.set()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as listening:
        broker = made(f"redis://127.0.0.1:{listening.sockets[0].getsockname()[1]}", timeout=USUAL)
        assert (await publish(broker, 1)).position >> 10 == 1
        await broker.close()
        await asyncio.wait_for(all_ended.wait(), DEADLINE)
    assert connections == 2


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None) -> None:
    """Give to one side what the other says, until it ends."""
    while data := await reader.read(65536):
        if writer is not None:
            writer.write(data)
    if writer is not None:
        writer.close()
        await writer.wait_closed()


async def test_a_cut_is_noticed_at_once(server: RedisServer) -> None:
    """Following ends and publishing fails as long as nobody may connect; then nothing is missing."""
    async with FaultProxy("127.0.0.1", server.port) as proxy, node(f"redis://127.0.0.1:{proxy.port}") as broker:
        head = await publish(broker, 1)
        async with aclosing(broker.follow(head)) as pieces:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(pieces))
            await publish(broker, 2)
            assert [event.message for event in await waiting] == [2]
            waiting = asyncio.ensure_future(anext(pieces))
            proxy.cut()
            assert await seconds(waiting) < SLACK
        assert await seconds(broker.publish(signals(3))) < SLACK
        assert await seconds(broker.head()) < SLACK
        await proxy.restore()
        assert await until_it_works(lambda: broker.publish(signals(4))) < SLACK
        assert [event.message for event in await read(broker, head, 2)] == [2, 4]


async def test_a_failure_concerns_nobody_who_has_left(server: RedisServer) -> None:
    """Those who still wait are told; those who do not are not."""
    async with FaultProxy("127.0.0.1", server.port) as proxy, node(f"redis://127.0.0.1:{proxy.port}") as broker:
        proxy.cut()
        calls = [asyncio.ensure_future(broker.publish(signals(number))) for number in range(4)]
        await asyncio.sleep(0)
        calls[1].cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(r) for r in results] == [BrokerUnavailable, asyncio.CancelledError, *[BrokerUnavailable] * 2]


async def test_a_connection_that_breaks_under_a_publish_leaves_its_outcome_open(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was good when it was looked at, and nobody knows what the server got; what comes next is published."""
    ask = Session.ask
    async with FaultProxy("127.0.0.1", server.port) as proxy, node(f"redis://127.0.0.1:{proxy.port}") as broker:
        await publish(broker, 1)

        async def cut(session: Session, *what: Any) -> list[Any]:
            proxy.cut()
            return await ask(session, *what)

        with monkeypatch.context() as patch:
            patch.setattr(Session, "ask", cut)
            with pytest.raises(BrokerUnavailable) as caught:
                await broker.publish(signals(2))
        assert caught.value.outcome_unknown
        await proxy.restore()
        await until_it_works(lambda: broker.publish(signals(3)))
        assert (await read(broker, AFTER_ALL, 2))[-1].message in {2, 3}
