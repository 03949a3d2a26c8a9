"""Headless Chromium with its own EventSource, on pages of any origin."""

from __future__ import annotations

import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from aiohttp import web
from playwright.async_api import async_playwright

from tests.e2e.clients import NAMES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import BrowserContext

    from tests.e2e.inbox import Inbox

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "chromium")

LISTEN = """
([url, names]) => {
    const source = new EventSource(url);
    const tell = (event) => report(event.type, event.lastEventId, event.data);
    source.onmessage = tell;
    for (const name of names) source.addEventListener(name, tell);
}
"""


@asynccontextmanager
async def chromium() -> AsyncIterator[BrowserContext]:
    """Run the distribution's Chromium; yields what pages are opened in."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield await browser.new_context()
        finally:
            await browser.close()


@asynccontextmanager
async def event_source(browser: BrowserContext, page_url: str, url: str, inbox: Inbox) -> AsyncIterator[None]:
    """Listen with the native EventSource of a page.

    Args:
        browser: The browser.
        page_url: The page, maybe relative to ``url``: ``/`` is one of the hub's own origin.
        url: The stream.
        inbox: Takes what the page gets.
    """
    page = await browser.new_page()
    try:
        await page.expose_function("report", inbox.put)
        await page.goto(urljoin(url, page_url))
        await page.evaluate(LISTEN, [url, list(NAMES)])
        yield
    finally:
        await page.close()


async def page(_request: web.Request) -> web.Response:
    """Serve a page without content."""
    return web.Response(text="<!doctype html><title>A page</title>", content_type="text/html")
