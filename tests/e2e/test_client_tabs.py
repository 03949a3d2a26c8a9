"""Tabs of one browser share one connection, and each gets all that is its own, once and in order, whatever happens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.browser import fetch, serving_pages
from tests.e2e.tabs import Asked, browsing, until
from tests.e2e.tabs_storm import TOPICS, Storm

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.e2e.tabs import Browsing, Tab

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("short_delays")]

WANTED = (("a",), ("b", "c/*"), ("*",))  # by the three tabs of most tests


@pytest_asyncio.fixture(loop_scope="module")
async def room(caching_browser: Browser) -> AsyncIterator[Browsing]:
    """A profile, and a hub where nobody has to say who they are."""
    async with serving_pages() as origin, browsing(caching_browser, origin) as opened:
        yield opened


def _more_than(room: Browsing, published: int) -> bool:
    return len(room.feed.published) > published


async def three(room: Browsing) -> list[Tab]:
    """Open three tabs with topics that overlap, of which the first leads."""
    return [await room.tab(*topics) for topics in WANTED]


async def test_three_tabs_share_one_connection(room: Browsing) -> None:
    """However many tabs listen, the hub has one stream, of all their topics; a request for each new set of topics."""
    async with room.feed.flowing(*TOPICS):
        tabs = await three(room)
        await room.streams(1)
        await tabs[1].listen("a")  # twice in one browser
    await room.judge()
    await room.streams(1)
    streams = [asked for asked in room.asked if not asked.poll]
    assert len(streams) <= 3
    assert await room.leader() is tabs[0]


async def test_eight_tabs_leave_connections_free(room: Browsing) -> None:
    """A browser has six connections to a server of HTTP/1.1, and a page of the eighth tab can still fetch."""
    async with room.feed.flowing(*TOPICS):
        tabs = [await room.tab("a", "c/*") for _ in range(8)]
        answer = await fetch(tabs[-1].page, f"{room.proxy.url}/health/live", cache="no-store")
    await room.judge()
    assert answer.status == 200
    await room.streams(1)
    assert Asked(frozenset({"a", "c/*"}), poll=False) in room.asked


@pytest.mark.parametrize("way", ["close", "crash", "leave", "sign_out"])
async def test_the_leader_goes(room: Browsing, way: str) -> None:
    """When the leading tab is gone, another one leads; the rest miss nothing, and get nothing twice."""
    async with room.feed.flowing(*TOPICS):
        leader, *others = await three(room)
        await (leader.leave(f"{room.origin}/?elsewhere") if way == "leave" else getattr(leader, way)())
        await room.leader(*others)
        await room.tab("b")
    await room.judge()
    await room.streams(1)


async def test_back_to_a_page_in_the_cache(room: Browsing) -> None:
    """A page to which one goes back has missed nothing, whether it led or followed; meanwhile another one leads."""
    async with room.feed.flowing(*TOPICS):
        tabs = await three(room)
        for tab in tabs[:2]:  # the first leads
            await tab.page.goto(room.origin.replace("127.0.0.1", "localhost"))
            await room.leader(*(other for other in tabs if other is not tab))
            await until(partial(_more_than, room, len(room.feed.published) + 20))
            await tab.go_back()
    await room.judge()
    await room.streams(1)


async def test_the_next_leader_goes_on_where_the_last_one_was(caching_browser: Browser) -> None:
    """What the leader had not got when it went reaches a tab that came in between, and has had nothing at all yet."""
    async with serving_pages() as origin, browsing(caching_browser, origin, heartbeat=15.0) as room:
        leader, *others = [await room.tab("a") for _ in range(3)]
        room.proxy.drop()
        for _ in range(5):
            await room.feed.publish("a")
        await leader.close()
        room.proxy.release()
        await room.leader(*others)
        await room.judge()
        await room.streams(1)


async def test_a_frozen_leader_loses_its_lead(room: Browsing) -> None:
    """A tab that the browser lets run no more does not keep the others waiting, and gets what it missed afterwards."""
    leader, second, third = [await room.tab(topic) for topic in TOPICS[:3]]
    await third.hurry(10)  # it takes it ten seconds and more to be sure; and it came too late to know what others want
    async with room.feed.flowing(*TOPICS, pause=0.001):
        async with leader.frozen():
            assert await room.leader(second, third) is third
            await third.hurry(1)
            published = await room.feed.publish("b")
            await until(lambda: second.heard[0].has(published))
        await room.leader()
    await room.judge()
    await room.streams(1)


async def test_hand_over_again_and_again(room: Browsing) -> None:
    """Twenty tabs end, one after the other and mostly the leading one, and others come, while signals flow."""
    await Storm(room, seed=1).play(20)


async def test_topics_come_and_go(room: Browsing) -> None:
    """The one stream has the topics of all tabs, and of no tab that is gone or has dropped them."""
    first = await room.tab("a")
    async with room.feed.flowing(*TOPICS):
        second = await room.tab("b")
        third = await room.tab("c/1")
        (later,) = await second.listen("c/2")
        await until(lambda: room.topics == {"a", "b", "c/1", "c/2"})
        await second.unsubscribe(second.heard[0])
        await until(lambda: room.topics == {"a", "c/1", "c/2"})
        await third.close()
        await until(lambda: room.topics == {"a", "c/2"})
        await second.unsubscribe(later)
        await until(lambda: room.topics == {"a"})
    await room.judge()
    assert first.heard[0].got
    await room.streams(1)


async def test_a_crashed_tab_is_forgotten(room: Browsing) -> None:
    """The topics of a tab that went without a word are dropped within a few minutes."""
    first = await room.blank()
    await first.hurry(50)
    await first.start()
    await first.listen("a")
    second = await room.tab("b")
    async with room.feed.flowing(*TOPICS):
        await second.crash()
        await until(lambda: room.topics == {"a"})
    await room.judge()


async def test_more_topics_than_a_stream_may_have(room: Browsing) -> None:
    """Ninety topics of three tabs are more than the hub lets a stream ask for, and still one stream."""
    topics = [f"many/{number}" for number in range(90)]
    async with room.feed.flowing(*topics, "other", pause=0.001):
        for start in range(0, 90, 30):
            await room.tab(*topics[start : start + 30])
        await until(lambda: all(heard.got for tab in room.tabs for heard in tab.heard))
    await room.judge()
    await room.streams(1)
    assert room.topics == frozenset()


@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("", {"share": False}),
        ("Object.defineProperty(Navigator.prototype, 'locks', {value: undefined});", {}),
        ("delete window.BroadcastChannel;", {}),
    ],
    ids=["not wanted", "no locks", "no channels"],
)
async def test_without_sharing(caching_browser: Browser, script: str, options: dict[str, bool]) -> None:
    """A client that may not share, or cannot, has a stream of its own; all else is as ever."""
    async with serving_pages() as origin, browsing(caching_browser, origin, script=script) as room:
        async with room.feed.flowing(*TOPICS):
            tabs = [await room.tab(*topics, **options) for topics in WANTED]
            await room.streams(3)
            room.proxy.drop()
            room.proxy.release()
            await tabs[0].listen("b")
            await room.streams(3)
            await tabs[1].close()
        await room.judge()
        await room.streams(2)
        assert await tabs[0].page.evaluate("[seen.locks, seen.channels]") == [[], []]


async def test_an_insecure_page_does_not_share(caching_browser: Browser) -> None:
    """A page over plain HTTP from elsewhere has no locks: it works, with a stream of its own."""
    async with serving_pages() as origin:
        there = origin.replace("127.0.0.1", "app.test")
        async with browsing(caching_browser, there) as room:
            async with room.feed.flowing(*TOPICS):
                tabs = [await room.tab("a"), await room.tab("a")]
                await room.streams(2)
            await room.judge()
            assert await tabs[0].page.evaluate("[isSecureContext, 'locks' in navigator]") == [False, False]
