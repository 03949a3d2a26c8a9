"""Publishing to a hub somewhere else: a real one behind a real network that fails, and servers that are none."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import (
    BrokerUnavailable,
    EventBroker,
    IdempotencyConflict,
    InvalidInput,
    MessageTooLarge,
    SignalsClient,
)
from sse_signals.client import publishing, requests
from sse_signals.model import Signal
from tests.client.scripted import reply, scripted
from tests.faults.line import Line
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

DONE = reply(202, b'{"id":"a-1"}')


def port_of(url: str) -> int:
    """Return the port in a URL."""
    return int(re.findall(r":(\d+)", url)[0])


async def test_the_documented_calls(hub: Running) -> None:
    """The same as in process, by a URL, and the hub has the very same signal."""
    async with (
        SignalsClient.for_plugin("catalog", url=hub.url) as catalog,
        catalog.subscribe("my-topic", "catalog:*") as stream,
    ):
        first = await catalog.publish({"test": "ä"})
        second = await catalog.publish([1], topic="my-topic", event="named")
        await catalog.publish("not for all", topic="my-topic", target_ownership_entity_refs=["group:default/g"])
        third = await catalog.publish(None, topic="my-topic", target_ownership_entity_refs=None)
        got = [await anext(stream) for _ in range(2)]
    assert [(each.id, each.address, each.message, each.event) for each in got] == [
        (second, "catalog:my-topic", [1], "named"),
        (third, "catalog:my-topic", None, "message"),
    ]
    assert first < second < third


async def test_hundreds_of_publishes_use_one_connection(hub: Running) -> None:
    """A connection costs more than a publish."""
    async with FaultProxy("127.0.0.1", port_of(hub.url)) as proxy:
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}") as client:
            for number in range(300):
                await client.publish(number)
        assert proxy.connections == 1


async def test_many_publishes_at_once_use_few_connections(hub: Running) -> None:
    """However many wait, a hub is not flooded with connections, and streams do not count among them."""
    async with FaultProxy("127.0.0.1", port_of(hub.url)) as proxy:
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}") as client, client.subscribe():
            ids = await asyncio.gather(*(client.publish(number) for number in range(300)))
        assert len(set(ids)) == 300
        assert proxy.connections <= requests.AT_ONCE + 1


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_a_publish_whose_answer_is_lost_is_in_the_log_once(hub: Running, end: str) -> None:
    """The hub took it, nobody heard so: the repeat gets the same id and publishes nothing."""
    direct = SignalsClient.for_plugin("a", url=hub.url)
    async with direct, direct.subscribe() as stream, FaultProxy("127.0.0.1", port_of(hub.url)) as proxy:
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}") as client:
            await client.publish("before")
            await proxy.shape(downstream=Line(frozen=True))
            publish = asyncio.create_task(client.publish("once"))
            got = [await anext(stream) for _ in range(2)]
            getattr(proxy, end)()
            await proxy.restore()
            assert await publish == got[1].id
            await client.publish("after")
        assert [got[0].message, got[1].message, (await anext(stream)).message] == ["before", "once", "after"]


async def test_a_hub_that_is_away_for_a_moment_is_waited_for(hub: Running) -> None:
    """A restart, a deployment: whoever publishes notices nothing but the time."""
    async with FaultProxy("127.0.0.1", port_of(hub.url)) as proxy:
        proxy.cut()
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}") as client:
            waiting = asyncio.create_task(client.publish(1))
            await asyncio.sleep(0)
            await proxy.restore()
            assert await waiting


async def test_a_hub_that_is_away_for_good_is_told() -> None:
    """With the URL, the reason, and that nothing was published."""
    async with FaultProxy("127.0.0.1", 1) as proxy:
        proxy.cut()
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}", timeout=1.0) as client:
            with pytest.raises(
                BrokerUnavailable, match=rf"127.0.0.1:{proxy.port}/signals cannot be reached: .+"
            ) as caught:
                await client.publish(1)
    assert not caught.value.outcome_unknown


async def test_a_dead_network_ends_with_the_timeout() -> None:
    """Nothing comes, nothing breaks: the time is over, and nobody knows."""
    async with FaultProxy("127.0.0.1", 1) as proxy:
        await proxy.half_open()
        async with SignalsClient.for_plugin("a", url=f"http://127.0.0.1:{proxy.port}", timeout=1.0) as client:
            with pytest.raises(BrokerUnavailable, match="no answer within") as caught:
                await client.publish(1)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("then", ["close", "reset", "hold"])
async def test_the_key_is_the_same_at_every_try(then: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random for each publish, the caller's own if there is one; the body never changes."""
    monkeypatch.setattr(publishing, "ONE_TRY", 1.0)
    monkeypatch.setattr(publishing, "backoff", lambda *_, **__: 0.0)
    odd = [reply(200, b"", then=then), reply(503), reply(503, then="close"), reply(502, b"<html>", "text/html")]
    broken = [type(each)(b"", then) for each in odd[:1]] + odd[1:]
    async with scripted(*broken, DONE) as server, SignalsClient.for_plugin("a", url=server.url) as client:
        assert await client.publish({"n": 1}, topic="t") == "a-1"
        assert await client.publish({"n": 1}, topic="t", idempotency_key="mine ☂") == "a-1"
        assert await client.publish({"n": 1}, topic="t", idempotency_key="mine") == "a-1"
    keys = [asked.header("Idempotency-Key") for asked in server.asked]
    assert len(set(keys[:5])) == 1
    assert keys[0]
    assert keys[5:] == [None, "mine"]
    assert len({asked.body for asked in server.asked[:5]}) == 1


async def test_keys_are_remembered_by_the_hub(hub: Running) -> None:
    """As in process: the same content is there once, other content is a conflict."""
    async with SignalsClient.for_plugin("a", url=hub.url) as client:
        first = await client.publish(1, idempotency_key="k")
        assert await client.publish(1, idempotency_key="k") == first
        with pytest.raises(IdempotencyConflict):
            await client.publish(2, idempotency_key="k")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"message": float("nan")}, "message"),
        ({"message": 1, "topic": "a*"}, "topic"),
        ({"message": 1, "event": "open"}, "event"),
        ({"message": 1, "target_ownership_entity_refs": ["nobody"]}, "targetOwnershipEntityRefs"),
        ({"message": 1, "idempotency_key": ""}, "idempotency_key"),
    ],
)
async def test_what_breaks_a_rule_is_refused_here(arguments: dict[str, Any], field: str) -> None:
    """By the same rules as in process, and without asking anybody."""
    async with SignalsClient.for_plugin("a", url="http://127.0.0.1:1") as client:
        with pytest.raises(InvalidInput) as caught:
            await client.publish(**arguments)
    assert caught.value.field == field


async def test_what_only_the_hub_can_tell_is_told_as_in_process(start_hub: StartHub) -> None:
    """Its limits may be lower."""
    hub = await start_hub(max_message=1000)
    async with SignalsClient.for_plugin("a", url=hub.url) as client:
        with pytest.raises(MessageTooLarge, match="the limit is 1000"):
            await client.publish("x" * 2000)


async def test_a_batch_is_one_record(hub: Running) -> None:
    """An event broker publishes several signals at once, to a remote hub as to a log of its own."""
    broker = EventBroker.from_url(hub.url)
    receipt = await broker.publish([Signal(b"1", "a"), Signal(b"2", "b")])
    assert [str(each).partition("-")[2] for each in receipt.ids] == ["1", "1.1"]
    with pytest.raises(InvalidInput, match="0 signals"):
        await broker.publish([])
    await broker.close()
