"""The browser module on bad networks, while signals are published: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import random
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import serving_pages
from tests.e2e.client_storm import asleep, storm
from tests.e2e.client_world import HEARTBEAT, PROMPT, world
from tests.e2e.stand_in import answer
from tests.faults.line import Line
from tests.web.doors import until

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.client_page import ClientPage

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]
FOR_GOOD = {"refused", "closed"}


def came_back(page: ClientPage, since: float) -> None:
    """See that each subscription was told of the trouble, that it would pass, and that it had passed."""
    for each in page.subscriptions.values():
        told = each.since(since)
        assert told[-1] == "open", told
        assert {"waiting", "connecting", "offline"} & set(told), told
        assert not FOR_GOOD & set(told), told


@pytest.mark.parametrize(("status", "own"), [(502, True), (503, False), (200, True)])
async def test_deploy(profile: BrowserContext, status: int, own: bool) -> None:
    """A front answers with a page of its own for a while, on which an EventSource gives up: it comes back by itself.

    A page of another origin cannot even read the status, since a front's own answer has no CORS headers.
    """
    async with (
        serving_pages() as other,
        world(cors_origins=[other]) as it,
        it.page(profile, None if own else other) as page,
    ):
        begun = monotonic()
        it.deploy(answer(status))
        await page.until(lambda: len(page.subscriptions["a"].since(begun)) > 0, "trouble")
        await until(lambda: len(it.deploying.asked) > 1)
        assert await page.status() in {"waiting", "connecting"}
        it.deployed()
        await it.news(page)
        came_back(page, begun)
        assert len(it.deploying.asked) < 40
        await it.judge(page)


async def test_goodbye_and_restart(profile: BrowserContext, tmp_path: Path) -> None:
    """A hub says goodbye, is away for a second, and goes on from its file."""
    async with world(str(tmp_path / "log")) as it, it.page(profile) as page:
        for seconds in (0.5, 0.0):
            begun = monotonic()
            await it.restart(seconds)
            await it.news(page)
            came_back(page, begun)
        await it.judge(page)


async def test_death_and_restart(profile: BrowserContext, tmp_path: Path) -> None:
    """A hub goes without a word, and another goes on from its file."""
    async with world(str(tmp_path / "log")) as it, it.page(profile) as page:
        begun = monotonic()
        it.proxy.cut()
        await it.restart(0.3)
        await it.proxy.restore()
        await it.news(page)
        came_back(page, begun)
        await it.judge(page)


async def test_time_limit(profile: BrowserContext) -> None:
    """A proxy that ends every response soon costs no signal."""
    async with world() as it, it.page(profile) as page:
        before = it.proxy.connections
        for _ in range(4):
            await asyncio.sleep(0.4)
            it.proxy.drop()
        await it.judge(page)
        assert it.proxy.connections - before >= 3


async def test_resets(profile: BrowserContext) -> None:
    """Resets in quick succession, some while it is connecting, cost no signal."""
    async with world() as it, it.page(profile) as page:
        for pause in (0.3, 0.01, 0.02, 0.1, 0.2, 0.05, 0.3):
            await asyncio.sleep(pause)
            it.proxy.reset()
        await it.judge(page)


async def test_dead_connection(profile: BrowserContext) -> None:
    """A connection on which nothing comes any more, not even heartbeats, is given up after two of them."""
    async with world() as it, it.page(profile) as page:
        begun = monotonic()
        it.proxy.strand()
        await it.news(page, 2 * HEARTBEAT + PROMPT)
        came_back(page, begun)
        back = next(heard.time for heard in page.subscriptions["a"].statuses if heard.time > begun)
        assert back - begun > HEARTBEAT
        await it.judge(page)


async def test_half_open_network(profile: BrowserContext) -> None:
    """Where connections are accepted and nothing comes on them, attempts are given up too, and one gets through."""
    async with world() as it, it.page(profile) as page:
        begun, before = monotonic(), it.proxy.connections
        await it.proxy.half_open()
        await until(lambda: it.proxy.connections > before)
        it.proxy.strand()  # those never answer any more
        await it.proxy.restore()
        await it.news(page, 10 * PROMPT)
        came_back(page, begun)
        await it.judge(page)


async def test_slow_line(profile: BrowserContext) -> None:
    """On a line that is slower than the signals, byte by byte, and cut again and again, they come late, and all."""
    async with world() as it, it.page(profile) as page:
        for seed in range(4):
            await it.proxy.shape(downstream=Line(trickle=0.0005) if seed % 2 else Line(bandwidth=3000, latency=0.05))
            await asyncio.sleep(0.3 + random.Random(seed).random() / 4)
            it.proxy.drop()
        await it.proxy.restore()
        await it.judge(page)


async def test_cut_in_a_block(profile: BrowserContext) -> None:
    """Half an event is none: neither it nor its id counts, and it comes whole the next time."""
    async with world() as it, it.page(profile) as page:
        for mark in (b'"content":"p-', b"}\n", b"\nid: ", b'"time":"2', b"event: signals.heartbeat\nid: "):
            begun = monotonic()
            it.proxy.mark = mark
            if b"heartbeat" in mark:
                await it.rest()
            await until(lambda: it.proxy.mark is None)
            await it.news(page)
            came_back(page, begun)
        await it.judge(page)


@pytest.mark.parametrize("how", ["frozen", "stopped"])
async def test_sleep_and_wake(shared_browser: Browser, profile: BrowserContext, how: str) -> None:
    """A page that the browser freezes, or a machine that sleeps, while the network forgets its connections.

    Sleep is shown by stopping all processes of the browser; unlike in real sleep its clocks go on meanwhile.
    """
    async with world() as it, it.page(profile) as page:
        begun = monotonic()
        if how == "frozen":
            session = await profile.new_cdp_session(page.page)
            await session.send("Page.setWebLifecycleState", {"state": "frozen"})
            it.proxy.drop()
            await asyncio.sleep(4 * HEARTBEAT)
            await session.send("Page.setWebLifecycleState", {"state": "active"})
        else:
            async with asleep(shared_browser):
                it.proxy.strand()
                await asyncio.sleep(4 * HEARTBEAT)
        await it.news(page)
        came_back(page, begun)
        await it.judge(page)


async def test_offline_and_online(profile: BrowserContext) -> None:
    """Offline it says so, and does not try; online again it does so at once."""
    async with world() as it, it.page(profile) as page:
        begun = monotonic()
        await profile.set_offline(True)
        await page.until(lambda: all(each.status == "offline" for each in page.subscriptions.values()), "offline")
        assert await page.status() == "offline"
        before = it.proxy.connections
        await asyncio.sleep(3 * HEARTBEAT)
        assert page.subscriptions["a"].status == "offline"
        assert it.proxy.connections == before
        await profile.set_offline(False)
        await it.news(page)
        came_back(page, begun)
        await it.judge(page)


async def test_online_ends_a_wait(profile: BrowserContext) -> None:
    """Whoever waits for long, and finds that the network is back, waits no longer."""
    async with world(reconnect=300.0) as it, it.page(profile) as page:
        it.proxy.drop()
        await page.until(lambda: page.subscriptions["a"].status == "waiting", "waiting")
        await profile.set_offline(True)
        await page.until(lambda: page.subscriptions["a"].status == "offline", "offline")
        await profile.set_offline(False)
        await it.news(page)
        await it.judge(page)


async def test_topics_come_and_go(profile: BrowserContext) -> None:
    """Topics are added and dropped all the time: each subscription gets all since it began, and once.

    Some overlap, so that one signal is for several; those that stay must not notice.
    """
    chosen = random.Random(7)
    async with world() as it, it.page(profile, None, "a", "c/*") as page:
        for turn in range(30):
            name = f"{chosen.choice(['b', 'c/1', 'c/2', '*', 'a', 'd'])}#{turn}"
            await page.subscribe(name.partition("#")[0], name)
            alive = [name for name, each in page.subscriptions.items() if not each.ended and "#" in name]
            if len(alive) > 4:
                await page.unsubscribe(chosen.choice(alive))
            await asyncio.sleep(chosen.choice([0, 0.005, 0.05, 0.15]))
        report = await it.judge(page)
        assert report.counts["clients"] == 32


async def test_topics_for_a_moment(profile: BrowserContext) -> None:
    """A topic that is dropped before it was ever asked for costs those that stay nothing."""
    async with world(interval=0.001) as it, it.page(profile) as page:
        for turn in range(25):
            await page.subscribe("*", f"*{turn}")
            await page.unsubscribe(f"*{turn}")
            await asyncio.sleep(0.03)
        await it.judge(page)


@pytest.mark.parametrize("tabs", [1, 2])
async def test_mix(profile: BrowserContext, tmp_path: Path, tabs: int) -> None:
    """All of it, in an order of chance, in one page and in two that share a connection."""
    report, _ = await storm(profile, str(tmp_path / "log"), seconds=4.0, seed=tabs, tabs=tabs)
    assert report.counts["received"] > 50
