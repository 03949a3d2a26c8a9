"""Streams and publishes through every proxy of deploy/proxies, over HTTP/2 and HTTP/1.1."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

import pytest
import pytest_asyncio

from sse_signals.doctor.examination import Wishes, examine
from sse_signals.doctor.judge import judge
from sse_signals.doctor.target import Target
from tests.deploy.proxies.caller import Caller
from tests.deploy.proxies.listener import Listener
from tests.deploy.proxies.programs import APACHE, CADDY, ENVOY, NGINX
from tests.deploy.proxies.world import ORIGIN, each, until
from tests.e2e.browser import launched, tab

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.deploy.proxies.world import Front, World

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENT: Final = "127.0.0.2"
PROXY: Final = "127.0.0.1"
FORGED: Final = "203.0.113.9"
STREAMS: Final = 20


async def test_nothing_is_held_back(there: World) -> None:
    """Receipt, signals and heartbeats arrive before anything else happens, as an event stream and as JSON lines."""

    async def check(front: Front, version: str, topic: str) -> None:
        lines = Listener(f"{front.url}/stream?topic={topic}", version, ("-H", "Accept: application/x-ndjson"))
        events = Listener(f"{front.url}/stream?topic={topic}", version)
        async with Caller(front, version) as caller, events as listener, lines:
            await listener.inbox.until_open()
            await _line(lines, "signals.open")
            sent = []
            for number in range(3):
                sent.append(f"{topic} {number}")
                answer = await caller.publish(topic, sent[-1])
                assert answer.head is not None
                assert answer.head.status == 202, answer
                await listener.until(*sent)  # nothing is published until this has come
                await _line(lines, sent[-1])
            await listener.inbox._until(lambda event: event.name == "signals.heartbeat", "heartbeat")
            assert [(stay.status, stay.version) for stay in listener.stays] == [(200, version)]

    await each(there, check)


async def _line(listener: Listener, wanted: str) -> None:
    """Wait for a whole line of JSON that holds a text."""
    await until(lambda: any(wanted in line for line in listener.stays[-1].body.decode().split("\n")[:-1]), wanted)
    assert all(json.loads(line) for line in listener.stays[-1].body.split(b"\n")[:-1])


async def test_resume_over_a_cut(there: World) -> None:
    """When the network between proxies and hubs is cut, listeners come back, and get all signals once and in order."""
    begun, gone_on = asyncio.Barrier(sum(len(front.program.versions) for front in there.fronts) + 1), asyncio.Event()

    async def check(front: Front, version: str, topic: str) -> None:
        async with Caller(front, version) as caller, Listener(f"{front.url}/stream?topic={topic}", version) as listener:
            await listener.inbox.until_open()
            await caller.publish_surely(topic, "before")
            await listener.until("before")
            await begun.wait()
            await gone_on.wait()
            await caller.publish_surely(topic, "after")
            await listener.until("before", "after")
            assert listener.statuses == {200}
            assert listener.inbox.resumes[-1] is True
            assert len(listener.streams) > 1

    checks = asyncio.create_task(each(there, check))
    await begun.wait()
    for gate in there.gates:
        gate.cut()
    gone_on.set()
    await checks


async def test_addresses(there: World) -> None:
    """A hub that trusts the proxy sees the client's own address, whatever the client says; one that does not, never."""

    async def check(front: Front, version: str, topic: str) -> None:
        options = ("--interface", CLIENT, "-H", f"X-Forwarded-For: {FORGED}")
        seen: set[str] = set()
        async with asyncio.timeout(30), AsyncExitStack() as stack:
            while len(seen) < 2:
                listener = Listener(f"{front.url}/stream?topic={topic}", version, options)
                await stack.enter_async_context(listener)
                await listener.inbox.until_open()
                seen.add(listener.nodes[0])
                remote = there.remote(listener.streams[0])
                if listener.nodes[0] == there.node(1):
                    assert remote == PROXY
                elif front.program is ENVOY:  # for clients on its own machine it names the machine's own address
                    assert remote not in {PROXY, FORGED}
                else:
                    assert remote == CLIENT

    await each(there, check)


async def test_doctor(there: World) -> None:
    """The doctor finds nothing, but that Apache speaks no HTTP/2."""

    async def check(front: Front, version: str, topic: str) -> None:
        if version == front.program.versions[0]:
            wishes = Wishes(Target.of(front.url), topic, None, ORIGIN, seconds=3.0, verify=False, margin=2.0)
            verdict = judge(await examine(wishes))
            assert [one.name for one in verdict.findings] == (["six-connections"] if front.program is APACHE else [])

    await each(there, check)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with launched() as browser:
        yield browser


async def test_twenty_streams_of_one_browser(there: World, chromium: Browser) -> None:
    """All of them are live at once, on one connection, and each gets its own signals, through Caddy and nginx."""
    for front in there.fronts:
        if front.program in (CADDY, NGINX):
            context = await chromium.new_context(ignore_https_errors=True)
            async with tab(context, f"{front.url}/health/live") as opened, Caller(front, "HTTP/2") as caller:
                topics = [f"{front.name}/{number}" for number in range(STREAMS)]
                inboxes = [await opened.listen(f"{front.url}/stream?topic={topic}") for topic in topics]
                await asyncio.gather(*(inbox.until_open() for inbox in inboxes))
                for topic in topics:
                    await caller.publish_surely(topic, topic)
                for topic, inbox in zip(topics, inboxes, strict=True):
                    await inbox._until(lambda event: event.name == "message", topic)
                    signals = [event.data["message"] for event in inbox.without("signals.open", "signals.heartbeat")]
                    assert signals == [topic]
                    assert inbox.resumes == [None]
                page = await opened.page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol")
                assert page == "h2"
            await context.close()
