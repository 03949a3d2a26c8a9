"""What remote clients hold on to: nothing, wherever they are cancelled, closed, or used from another event loop."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from sse_signals import BrokerUnavailable, ConfigurationError, EventBroker, HistoryLimits, SignalsClient, SignalsService
from sse_signals.client import http
from sse_signals.client.requests import HubUrl
from sse_signals.identity import Identity
from sse_signals.topics import EVERYTHING
from tests.client.scripted import Reply, reply, scripted, stream
from tests.client.test_reading import receipt

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sse_signals.server import Running

STEPS = 2000  # event-loop turns in which the scenario is cancelled; it is over long before


async def everything(url: str) -> None:
    """Do all that a client can do: publish, enter, take, leave, close."""

    async def token() -> str:
        await asyncio.sleep(0)
        return "t"

    async with SignalsClient.for_plugin("a", url=url, token=token) as client:
        await client.publish(1)
        async with client.subscribe() as events:
            await client.publish(2)
            await anext(events)


async def cancelled_after(turns: int, work: Coroutine[Any, Any, None]) -> bool:
    """Run, and cancel after so many turns of the event loop; say whether it came to its end before."""
    task = asyncio.create_task(work)
    for _ in range(turns):
        if task.done():
            break
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.done()
    return not task.cancelled() and task.exception() is None


async def test_who_is_cancelled_anywhere_leaves_nothing(hub: Running) -> None:
    """At each turn of the event loop once: no task, no session, no stream at the hub stays."""
    before = asyncio.all_tasks()
    turns = 0
    while not await cancelled_after(turns, everything(hub.url)):
        turns += 1
        assert turns < STEPS
    assert turns > 10
    async with asyncio.timeout(30):
        while hub.service.streams or asyncio.all_tasks() - before:  # noqa: ASYNC110 - connections end by themselves
            await asyncio.sleep(0.01)
    gc.collect()  # an unclosed session or connection would warn, and a warning is an error


async def test_a_reader_that_gives_up_waiting_can_go_on(hub: Running) -> None:
    """A deadline around one step loses nothing, however often it strikes, also while there is no connection."""
    async with SignalsClient.for_plugin("a", url=hub.url) as client, client.subscribe() as events:
        for number in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(events)
            await client.publish(number)
            assert (await anext(events)).message == number


async def test_a_closed_client_is_closed_until_it_is_entered_again(hub: Running) -> None:
    """Its iterations end; what comes later is a mistake that is told."""
    client = SignalsClient.for_plugin("a", url=hub.url)
    async with client, client.subscribe() as events:
        waiting = asyncio.create_task(anext(events, "end"))
        await asyncio.sleep(0)
        await client.close()
        assert await waiting == "end"
    with pytest.raises(RuntimeError, match="closed"):
        await client.publish(1)
    async with client:
        assert await client.publish(1)


async def test_who_is_entering_hears_that_the_client_was_closed() -> None:
    """It was not cancelled, so it must not look like it."""
    async with scripted(Reply(b"", "hold")) as server:
        client = SignalsClient.for_plugin("a", url=server.url)

        async def enter() -> None:
            async with client.subscribe():
                raise AssertionError

        entering = asyncio.create_task(enter())
        while not server.asked:  # noqa: ASYNC110 - it is in the middle of entering then
            await asyncio.sleep(0)
        await client.close()
        with pytest.raises(RuntimeError, match="closed"):
            await entering


def test_another_event_loop_gets_connections_of_its_own() -> None:
    """A client that lives longer than one ``asyncio.run``, in a script or under a test runner."""

    async def in_one_loop(client: SignalsClient) -> int:
        async with scripted(reply(202, b'{"id":"a-1"}')) as server:
            remote: Any = client._remote
            remote.url = HubUrl.parse(server.url)
            async with client:
                await client.publish(1)
            return server.connections

    client = SignalsClient.for_plugin("a", url="http://127.0.0.1:1")
    assert [asyncio.run(in_one_loop(client)) for _ in range(3)] == [1, 1, 1]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_what_an_event_loop_left_behind_is_let_go() -> None:
    """Nobody closed the client before its loop was closed: the next loop tidies up."""

    async def publish(client: SignalsClient) -> None:
        with pytest.raises(BrokerUnavailable):
            await client.publish(1)

    client = SignalsClient.for_plugin("a", url="http://127.0.0.1:1", timeout=0.01)
    asyncio.run(publish(client))
    remote: Any = client._remote
    (left,) = remote._links.values()
    asyncio.run(publish(client))
    assert left._session.closed
    assert len(remote._links) == 1

    async def close() -> None:
        await client.close()

    asyncio.run(close())
    for link in remote._links.values():
        asyncio.run(link.close())


async def test_closing_does_not_wait_for_connections_that_do_not_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """A TLS connection may want to say farewell to somebody who is not there."""

    async def never(_: object) -> None:
        await asyncio.sleep(3600)

    async with scripted(stream(receipt(None))) as server:
        client = SignalsClient.for_plugin("a", url=server.url)
        async with client.subscribe():
            link = client._remote._links[asyncio.get_running_loop()]  # type: ignore[union-attr]
            monkeypatch.setattr(http, "_CLOSE", 0.05)
            with monkeypatch.context() as patch:
                patch.setattr(type(link._session), "close", never)
                await client.close()
        await link._session.close()


async def test_what_a_client_is_given() -> None:
    """An event broker or a URL, and what belongs to it; a mistake is told when the client is made."""
    broker = EventBroker.from_url("memory://")
    url = "http://127.0.0.1:1"
    for arguments, said in (
        ({}, "needs event_broker=, or url="),
        ({"event_broker": broker, "token": "t"}, "url="),
        ({"event_broker": broker, "url": url}, "not both"),
        ({"url": url, "timeout": 0}, "timeout is 0"),
        ({"url": url, "timeout": 1000}, "up to 240 seconds"),
        ({"url": "memory://"}, "no URL of a hub"),
        ({"url": url, "token": "two words"}, "token"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            SignalsClient.for_plugin("a", **arguments)
    async with SignalsClient.for_plugin("a", event_broker=broker) as client:
        assert await client.publish(1)
    assert await client.publish(2)  # the event broker is its maker's


async def test_an_event_broker_may_be_a_hub_somewhere_else(hub: Running) -> None:
    """By its URL, for any number of plugins; whoever made it closes it."""
    broker = EventBroker.from_url(hub.url)
    catalog = SignalsClient.for_plugin("catalog", event_broker=broker)
    orders = SignalsClient.for_plugin("orders", event_broker=broker)
    async with catalog.subscribe("orders:*") as events, catalog:
        await orders.publish(1, topic="a")
        assert (await anext(events)).address == "orders:a"
    await catalog.publish(2)
    await broker.close()


async def test_a_hub_somewhere_else_cannot_be_served(hub: Running) -> None:
    """It has no log of its own here: whatever needs one says so in a sentence."""
    broker = EventBroker.from_url(hub.url)
    with pytest.raises(ConfigurationError, match="only that hub can serve it"):
        SignalsService.create(web.Application(), event_broker=broker)
    for use in (broker.start, broker.stop):
        with pytest.raises(ConfigurationError):
            await use()
    for name in ("service", "state", "clock"):
        with pytest.raises(ConfigurationError):
            getattr(broker, name)
    with pytest.raises(ConfigurationError, match="leave identity out"):
        async with broker.subscribe(EVERYTHING, identity=Identity("user:default/x")):
            pass
    await broker.close()


def test_each_kind_of_log_has_its_own_options() -> None:
    """A token for a log in memory, or a history for somebody else's hub, would do nothing."""
    with pytest.raises(ConfigurationError, match="token"):
        EventBroker.from_url("memory://", token="t")
    with pytest.raises(ConfigurationError, match="history"):
        EventBroker.from_url("http://hub", history=HistoryLimits())
    with pytest.raises(ConfigurationError, match="password"):
        EventBroker.from_url("HTTP://a:b@hub")
