"""Headless Chromium with its own EventSource, on pages of any origin."""

from __future__ import annotations

import json
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from aiohttp import web
from playwright.async_api import async_playwright

from tests.e2e.clients import NAMES
from tests.e2e.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, BrowserContext, Frame, Page

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",  # names for tests, which nobody can register (RFC 6761)
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "chromium")
CLOSED = "closed"  # what an EventSource that has given up for good tells

LISTEN = """
([number, url, withCredentials, names]) => {
    const source = new EventSource(url, {withCredentials});
    const tell = (event) => report(number, event.type, event.lastEventId, event.data);
    source.onmessage = tell;
    for (const name of names) source.addEventListener(name, tell);
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) report(number, "closed", "", ""); };
}
"""
# Status 0 is what a page learns of an answer that it may not read.
FETCH = """
async ([url, options]) => {
    try {
        const response = await fetch(url, options);
        return {status: response.status, headers: Object.fromEntries(response.headers), text: await response.text()};
    } catch (error) {
        return {status: 0, headers: {}, text: ""};
    }
}
"""


@dataclass(frozen=True)
class Fetched:
    """What a page could read of an answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)

    @property
    def kind(self) -> str:
        """The last part of a problem's type."""
        return str(self.json["type"]).removeprefix("urn:sse-signals:problem:")


async def fetch(page: Page | Frame, url: str, *, token: str | None = None, body: Any = None, **options: Any) -> Fetched:
    """Let a page fetch a URL.

    Args:
        page: The page.
        url: The URL, maybe relative to the page's.
        token: A bearer token to show.
        body: JSON to post.
        options: Further options of ``fetch``.
    """
    headers = dict(options.pop("headers", {}))
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None:
        options = {"method": "POST", "body": json.dumps(body), **options}
        headers = {"Content-Type": "application/json", **headers}
    return Fetched(**await page.evaluate(FETCH, [url, {**options, "headers": headers}]))


class Tab:
    """A page with EventSources.

    Attributes:
        page: The page.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._inboxes: list[Inbox] = []

    async def listen(self, url: str, inbox: Inbox | None = None, *, credentials: bool = False) -> Inbox:
        """Open an EventSource, and return what takes all it gets, and `CLOSED` once it has given up for good."""
        inbox = inbox or Inbox()
        self._inboxes.append(inbox)
        await self.page.evaluate(LISTEN, [len(self._inboxes) - 1, url, credentials, list(NAMES)])
        return inbox

    def report(self, number: int, name: str, event_id: str, data: str) -> None:
        """Take what an EventSource got."""
        self._inboxes[number].put(name, event_id, data)


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Run the distribution's Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[BrowserContext]:
    """Run the distribution's Chromium; yields what pages are opened in."""
    async with launched() as browser:
        yield await browser.new_context()


@asynccontextmanager
async def trusting(folder: Path) -> AsyncIterator[BrowserContext]:
    """Run it with a profile, in an empty folder, that lets pages have the cookies of other sites sent."""
    preferences = folder / "Default" / "Preferences"
    preferences.parent.mkdir()
    preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0}}))
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(folder, executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield context
        finally:
            await context.close()


@asynccontextmanager
async def tab(browser: BrowserContext, url: str) -> AsyncIterator[Tab]:
    """Open a page."""
    page = await browser.new_page()
    try:
        opened = Tab(page)
        await page.expose_function("report", opened.report)
        await page.goto(url)
        yield opened
    finally:
        await page.close()


@asynccontextmanager
async def event_source(browser: BrowserContext, page_url: str, url: str, inbox: Inbox) -> AsyncIterator[None]:
    """Listen with the native EventSource of a page.

    Args:
        browser: The browser.
        page_url: The page, maybe relative to ``url``: ``/`` is one of the hub's own origin.
        url: The stream.
        inbox: Takes what the page gets.
    """
    async with tab(browser, urljoin(url, page_url)) as opened:
        await opened.listen(url, inbox)
        yield


async def page(_request: web.Request) -> web.Response:
    """Serve a page without content."""
    return web.Response(text="<!doctype html><title>A page</title>", content_type="text/html")


async def _away(request: web.Request) -> web.Response:
    raise web.HTTPTemporaryRedirect(request.query["to"])


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on a free port; yields its origin."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serving_pages() -> AsyncIterator[str]:
    """Serve pages, and nothing of the hub; yields their origin. Its ``/away`` leads to where its parameter says."""
    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_route("*", "/away", _away)
    async with served(app) as origin:
        yield origin
