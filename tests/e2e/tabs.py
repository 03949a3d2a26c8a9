"""Tabs of one browser that listen with the hub's browser module while somebody publishes."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from playwright.async_api import async_playwright

from sse_signals.brokers.memory import MemoryBroker
from tests.authenticated import house
from tests.e2e.browser import ARGUMENTS, CHROMIUM
from tests.e2e.feed import Feed, Heard
from tests.e2e.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from playwright.async_api import Browser, BrowserContext, CDPSession, Page

    from tests.authenticated import House

DEADLINE = 30.0  # seconds in which whatever a test waits for has to happen
SCRIPT = Path(__file__).with_name("tabs.js").read_text()


class Asked(NamedTuple):
    """What a request for a stream asked for."""

    topics: frozenset[str]
    poll: bool


class Tab:
    """A page with clients.

    Args:
        page: The page.
        cdp: A session with its inside.
        feed: What is published.
    """

    def __init__(self, page: Page, cdp: CDPSession, feed: Feed, url: str) -> None:
        self.page, self.cdp, self.feed, self.url = page, cdp, feed, url
        self.heard: list[Heard] = []
        self.crashed = asyncio.Event()
        self._owns: dict[str, frozenset[str]] = {}
        page.on("crash", lambda _: self.crashed.set())
        cdp.on("Runtime.bindingCalled", self._reported)

    def _reported(self, event: dict[str, Any]) -> None:
        number, place, what = json.loads(event["payload"])
        self.heard[number].told[place] = what

    async def start(self, name: str = "main", *, owns: Iterable[str] = (), url: str = "", **options: Any) -> None:
        """Make a client.

        Args:
            name: The test's name for it.
            owns: Which refs its owner has, for the judge.
            url: Another hub's.
            options: Those of the client; ``token`` may be changed later by `sign_in`, unless it is ``fixed``.
        """
        self._owns[name] = frozenset(owns)
        await self.page.evaluate("(given) => start(...given)", [name, url or self.url, options])

    async def sign_in(self, token: str, name: str = "main") -> None:
        """Have ``token()`` return another one from now on."""
        await self.page.evaluate("([name, token]) => { tokens[name] = token; }", [name, token])

    async def listen(self, *topics: str, name: str = "main", feed: Feed | None = None) -> list[Heard]:
        """Subscribe to topics, and wait until the client says that it is ready."""
        feed = feed or self.feed
        first = len(self.heard)
        heard = [Heard(topic, feed, self._owns[name]) for topic in topics]
        self.heard += heard
        script = "([name, topics, first]) => topics.forEach((topic, place) => listen(name, first + place, topic))"
        await self.page.evaluate(script, [name, topics, first])
        await self.ready(name)
        for each in heard:
            each.due = len(feed.published)
        return heard

    async def ready(self, name: str = "main") -> None:
        """Wait until a client is."""
        async with asyncio.timeout(DEADLINE):
            await self.page.evaluate("async (name) => { await clients[name].ready; }", name)

    async def unsubscribe(self, heard: Heard) -> None:
        """End a subscription."""
        await self.page.evaluate("(number) => subscriptions[number].unsubscribe()", self.heard.index(heard))
        heard.until = len(heard.feed.published)

    async def sign_out(self, name: str = "main") -> None:
        """Close a client."""
        await self.page.evaluate("(name) => clients[name].close()", name)
        self.ended()

    async def go_back(self) -> None:
        """Go back to the page from where it went, which the browser has kept."""
        await self.page.go_back(wait_until="commit")
        told = await self.page.evaluate("window.told")  # reports from around the time when it went may never come
        assert told, "the browser has not kept the page"
        for number, heard in enumerate(self.heard):
            heard.told |= dict(enumerate(told[str(number)]))

    async def hurry(self, times: int) -> None:
        """Let the delays of timers that it sets from now on be so many times shorter."""
        await self.page.evaluate("(times) => { hurry = times; }", times)

    async def leads(self) -> bool:
        """Say whether it holds the lock, and so the stream for all."""
        return bool(await self.page.evaluate("seen.held.length"))

    def ended(self) -> None:
        """Expect nothing more of its subscriptions."""
        for each in self.heard:
            each.until = len(each.feed.published)

    async def close(self) -> None:
        """Close the page."""
        await self.page.close()
        self.ended()

    async def crash(self) -> None:
        """Kill what runs the page."""
        task = asyncio.create_task(self.cdp.send("Page.crash"))  # which nobody lives to answer
        async with asyncio.timeout(DEADLINE):
            await self.crashed.wait()
        task.cancel()
        with suppress(BaseException):
            await task
        await self.close()

    async def leave(self, url: str) -> None:
        """Go to another page."""
        await self.page.goto(url)
        self.ended()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Let none of its scripts run for as long as the context lasts, as in a tab that the browser has frozen."""
        await self.cdp.send("Debugger.enable")
        await self.cdp.send("Debugger.pause")
        paused = asyncio.Event()
        self.cdp.once("Debugger.paused", lambda _: paused.set())
        task = asyncio.create_task(self.page.evaluate("0"))
        async with asyncio.timeout(DEADLINE):
            await paused.wait()
        try:
            yield
        finally:
            await self.cdp.send("Debugger.disable")
            await task


class Browsing:
    """One browser profile with tabs, on pages that are not the hub's, a hub, and what is published there.

    Attributes:
        proxy: The way from the tabs to the hub.
        tabs: All that were ever open.
    """

    def __init__(self, context: BrowserContext, origin: str, hub: House, proxy: Proxy, feed: Feed) -> None:
        self.context, self.origin, self.hub, self.proxy, self.feed = context, origin, hub, proxy, feed
        self.tabs: list[Tab] = []

    async def blank(self, origin: str = "") -> Tab:
        """Open a page without a client."""
        page = await self.context.new_page()
        cdp = await self.context.new_cdp_session(page)
        await cdp.send("Runtime.enable")
        await cdp.send("Runtime.addBinding", {"name": "report"})
        tab = Tab(page, cdp, self.feed, self.proxy.url)
        await page.goto(origin or self.origin)
        self.tabs.append(tab)
        return tab

    async def tab(self, *topics: str, **options: Any) -> Tab:
        """Open a page with a client that listens to topics, and wait until it does."""
        tab = await self.blank()
        await tab.start(**options)
        if topics:
            await tab.listen(*topics)
        return tab

    @property
    def open(self) -> list[Tab]:
        """The tabs that are."""
        return [tab for tab in self.tabs if not tab.page.is_closed()]

    async def leader(self, *tabs: Tab) -> Tab:
        """Wait until exactly one of some tabs, or of all, leads, and return it."""
        async with asyncio.timeout(DEADLINE):
            while True:
                leading = [tab for tab in tabs or self.open if await tab.leads()]
                if len(leading) == 1:
                    return leading[0]
                await asyncio.sleep(0.02)

    async def streams(self, wanted: int) -> None:
        """Wait until the hub has so many streams."""
        await until(lambda: self.hub.service.streams == wanted)

    @property
    def asked(self) -> list[Asked]:
        """The requests for streams that passed the proxy."""
        lines = [request.split(b"\r\n", 1)[0].decode().split() for request in self.proxy.requests]
        queries = [parse_qs(urlsplit(target).query) for method, target, _ in lines if method == "GET"]
        return [Asked(frozenset(query.get("topic", [])), "poll" in query) for query in queries]

    @property
    def topics(self) -> frozenset[str]:
        """What the last stream was asked for, but for those with which a tab only catches up."""
        return next(asked.topics for asked in reversed(self.asked) if not asked.poll)

    async def judge(self) -> None:
        """Publish a last broadcast, wait until it is everywhere, and check each list of each tab against the log."""
        last = await self.feed.publish(None)
        every = [heard for tab in self.tabs for heard in tab.heard if heard.feed is self.feed]
        waiting = [heard for heard in every if heard.until is None]
        with suppress(TimeoutError):
            await until(lambda: all(heard.has(last) for heard in waiting))
        faults = [fault for heard in every if (fault := heard.fault())]
        assert not faults, faults
        for tab in self.open:
            assert await tab.page.evaluate("seen.problems") == []


@asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    """Run the distribution's Chromium with its cache of pages that one may go back to, which Playwright leaves out."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[*ARGUMENTS, *arguments],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def browsing(browser: Browser, origin: str, *, script: str = "", **options: Any) -> AsyncIterator[Browsing]:
    """Run a hub, and open a browser profile.

    Args:
        browser: The browser.
        origin: Of the pages.
        script: Runs in each page before anything else.
        options: Those of the hub.
    """
    log = MemoryBroker()
    options = {"anonymous": True, "heartbeat": 1.0, "cors_origins": [origin], **options}
    async with house(log=log, **options) as hub, Proxy(hub.url) as proxy:
        context = await browser.new_context()
        await context.add_init_script(script + SCRIPT)
        try:
            yield Browsing(context, origin, hub, proxy, Feed(log))
        finally:
            await context.close()


async def until(condition: Callable[[], object], deadline: float = DEADLINE) -> None:
    """Wait for a condition, under a deadline."""
    async with asyncio.timeout(deadline):
        while not condition():  # noqa: ASYNC110 - nothing in a page rings a bell for tests
            await asyncio.sleep(0.02)
