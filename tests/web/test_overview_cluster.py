"""``GET …/streams`` where nodes share a log: all of them are seen from each, with a real Redis and NATS."""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals import EventBroker
from sse_signals.broker_options import BrokerOptions
from tests.authenticated import ADMIN, house
from tests.brokers.servers import RedisServer
from tests.crew import Crew, crew, streams
from tests.web.doors import until
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.authenticated import House
    from tests.web.cluster import Two

ANN, BOB = "user:default/ann", "user:default/bob"
COMMAND = "from sse_signals.cli import main; main()"
DEADLINE = 30.0  # seconds; what is waited for takes some, and this machine may be busy


def name_of(hub: House) -> str:
    """Return the name of a node."""
    return hub.service.site.nodes.own


async def look(hub: House, query: str = "") -> Any:
    """Look as an administrator."""
    admin = hub.tokens.issue("key:ops", grants=ADMIN)
    answer = await hub.ask("GET", f"streams{query}", token=admin)
    assert answer.status == 200, answer
    return answer.json


async def seen(look_once: Callable[[], Awaitable[Any]], condition: Callable[[Any], bool]) -> Any:
    """Look until something is seen."""
    async with asyncio.timeout(DEADLINE):
        while not condition(said := await look_once()):  # noqa: ASYNC110 - who looks has to ask again
            await asyncio.sleep(0.05)
    return said


def nodes(said: Any) -> set[str]:
    """Return the names of the nodes that were seen."""
    return {node["node"] for node in said["nodes"]}


async def test_each_node_sees_all(two: Two) -> None:
    """Open streams and closed ones of both, whichever is asked, from the first answer on; the log gets one record."""
    here, there = two.nodes
    ann, bob = (here.tokens.issue(subject) for subject in (ANN, BOB))
    async with here.stream(ann), there.stream(bob, "?topic=b"):
        for _ in range(2):
            await there.poll(bob)
        await until(lambda: there.service.streams == 1)
        before = here.service.site.service.node.head.position
        for hub in (here, there):
            said = await look(hub)
            assert said["node"] == name_of(hub)
            assert "incomplete" not in said
            assert nodes(said) == {name_of(here), name_of(there)}
            assert {each["subject"]: each["node"] for each in said["streams"]} == {
                ANN: name_of(here),
                BOB: name_of(there),
            }
            assert [each["subject"] for each in said["closed"]] == [BOB, BOB]
        assert nodes(await look(here, "?node=this")) == {name_of(here)}
        await until(lambda: here.service.site.service.node.head.position > before)
        assert here.service.site.service.node.head.position - before == 1 << 10
    bare = await here.ask("GET", "streams", token=ann)
    assert (bare.status, bare.kind) == (403, "not-granted")
    assert name_of(there) not in bare.body.decode()


async def test_a_node_that_loses_the_broker_still_shows_itself(two: Two) -> None:
    """With what is missing in one sentence; when the broker is back, all nodes are."""
    here, there = two.nodes
    async with here.stream(here.tokens.issue(ANN)):
        two.cut()
        await until(lambda: not here.service.site.service.ready)
        said = await look(here)
        assert nodes(said) == {name_of(here)}
        assert [each["subject"] for each in said["streams"]] == [ANN]
        assert said["incomplete"].endswith(".")
        await two.restore()
        both = {name_of(here), name_of(there)}
        await seen(lambda: look(here), lambda found: nodes(found) == both and "incomplete" not in found)


async def test_a_node_that_ends_is_seen_no_more(shared_url: str) -> None:
    """Nor is it missed: it has taken leave."""
    async with AsyncExitStack() as stack:

        async def start() -> tuple[House, AsyncExitStack]:
            own = await stack.enter_async_context(AsyncExitStack())
            broker = EventBroker.from_url(shared_url, options=BrokerOptions(name="overview"))
            own.push_async_callback(broker.close)
            hub = await own.enter_async_context(house(event_broker=broker, authentication={"secret": b"s" * 32}))
            return hub, own

        (here, _), (there, its) = await start(), await start()
        assert nodes(await look(here)) == {name_of(here), name_of(there)}
        await its.aclose()
        said = await look(here)
        assert nodes(said) == {name_of(here)}
        assert "incomplete" not in said


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Crew]:
    """A hub of two workers on a Redis of its own, on which nobody has to authenticate."""
    server = RedisServer(tmp_path)
    await asyncio.to_thread(server.start)
    async with crew("--broker", server.url, command=COMMAND) as found:
        await found.hear("listening")
        yield found
    await asyncio.to_thread(server.stop)


async def test_workers_are_nodes(hub: Crew) -> None:
    """Whichever answers tells of all; those that are replaced vanish, and those that replace them are there."""

    async def look_once() -> Any:
        answer = await ask(hub.url, request("GET", "/signals/streams"))
        assert answer.status == 200
        return answer.json

    async with streams(hub) as opened:
        count = len(hub.told("stream opened"))
        assert len(opened) == 2
        said = await seen(look_once, lambda found: len(found["nodes"]) == 2 and len(found["streams"]) == count)
        old = nodes(said)
        assert {each["node"] for each in said["streams"]} == old
        assert sum(node["streams"]["open"] for node in said["nodes"]) == count
    hub.process.send_signal(signal.SIGHUP)
    await hub.hear("worker listens", 4)
    await seen(look_once, lambda found: len(found["nodes"]) == 2 and not nodes(found) & old)
    assert await hub.stop() == 0
    assert hub.noise == []
