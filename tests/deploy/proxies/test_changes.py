"""What changes behind and in the proxies of deploy/proxies: a hub that drains, and a new certificate."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.deploy.proxies.caller import Caller, status_of
from tests.deploy.proxies.listener import Listener
from tests.deploy.proxies.world import each, until

if TYPE_CHECKING:
    from tests.deploy.proxies.world import Front, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
SOME = 2  # streams of each proxy


async def test_a_new_certificate(there: World) -> None:
    """While the proxy takes up a new certificate no signal is lost, and whoever connects then gets the new one."""

    async def check(front: Front, version: str, topic: str) -> None:
        listener = Listener(f"{front.url}/stream?topic={topic}", version)
        async with Caller(front, version) as caller, listener:
            await listener.inbox.until_open()
            sent = []
            for message in ("before", "between", "after"):
                if message == "between" and version == front.program.versions[0]:
                    before = await asyncio.to_thread(front.shown)
                    await front.new_certificate()
                if message == "after" and version == front.program.versions[0]:
                    async with asyncio.timeout(30):
                        while await asyncio.to_thread(front.shown) == before:  # noqa: ASYNC110
                            await asyncio.sleep(0.05)
                sent.append(message)
                await caller.publish_surely(topic, message)
                await listener.until(*sent)
            assert listener.statuses == {200}
            async with Listener(f"{front.url}/stream?topic={topic}", version) as another:
                await another.inbox.until_open()

    await each(there, check)


async def test_a_hub_that_drains(there: World) -> None:
    """Its streams go to the other hub and miss nothing; it gets no new ones once the proxies have noticed."""
    drained, left = there.hubs
    staying = left.service.site.nodes.own
    follower = left.service.site.service.follower
    failures = follower.failures
    moved = asyncio.Event()
    ready = asyncio.Barrier(sum(len(front.program.versions) for front in there.fronts) + 1)

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller, AsyncExitStack() as stack:
            url = f"{front.url}/stream?topic={topic}"
            some = [await stack.enter_async_context(Listener(url, version)) for _ in range(SOME)]
            for one in some:
                await one.inbox.until_open()
            await ready.wait()
            sent: list[str] = []
            while not moved.is_set():
                sent.append(f"{topic} {len(sent)}")
                await _published(caller, topic, sent[-1])
                await asyncio.sleep(0.3)
            for one in some:
                await _until_on(one, staying)
                await one.until(*sent)
                assert one.statuses == {200}
                assert None not in one.inbox.resumes[1:]
                assert False not in one.inbox.resumes
            for _ in range(2 * SOME):
                late = await stack.enter_async_context(Listener(url, version))
                await late.inbox.until_open()
                assert late.nodes == [staying]
                assert late.statuses == {200}
                # At once: the other one is asked only if the one that stays is cut off from the log, and so not ready.
                assert len(late.stays) == 1 or follower.failures > failures

    checks = asyncio.create_task(each(there, check))
    await ready.wait()
    await drained.service.drain()
    for front in there.fronts:
        await noticed(front, staying)
    moved.set()
    await checks


async def _published(caller: Caller, topic: str, message: str) -> None:
    """Publish, and see that it succeeds: a hub that drains takes publishes to its end."""
    answer = await caller.publish(topic, message, key := ("Idempotency-Key", message))
    while b'"outcome":"unknown"' in answer.body:  # this machine is busy, and so is the broker on it
        answer = await caller.publish(topic, message, key)
    assert status_of(answer) == 202, answer


async def noticed(front: Front, staying: str) -> None:
    """Wait until streams through a proxy go to one hub only: five in a row."""
    row = 0
    async with asyncio.timeout(30):
        while row < 5:
            async with Listener(f"{front.url}/stream?topic=noticed", front.program.versions[0]) as one:
                await _until_told(one)
                row = row + 1 if one.nodes == [staying] else 0


async def _until_on(one: Listener, node: str) -> None:
    """Wait until a listener is on a node."""
    await until(lambda: one.nodes[-1] == node, "a stream moved")


async def _until_told(one: Listener) -> None:
    """Wait until a listener has been told anything."""
    await until(lambda: one.inbox.received, "an event")
