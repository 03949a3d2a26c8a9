from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
from aiohttp import web

from sse_signals import EventBroker, HistoryLimits, SignalsService
from sse_signals.server import Running
from tests.e2e.browser import chromium, event_source, page
from tests.e2e.proxy import Proxy
from tests.e2e.scenario import HISTORY, golden

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import aiohttp
    from playwright.async_api import BrowserContext


# What a page is told about an attempt to listen: an event, or that the browser has given up for good.
ATTEMPT = """
([url, withCredentials]) => new Promise((resolve) => {
    const source = new EventSource(url, {withCredentials});
    source.addEventListener("signals.open", () => resolve("open"));
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve("closed"); };
})
"""
# The same in a frame without an origin, as of a sandbox or a page out of a file.
SANDBOXED = """
([url, withCredentials]) => new Promise((resolve) => {
    window.onmessage = (event) => resolve(event.data);
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script>(${ATTEMPT})(${JSON.stringify([url, withCredentials])})
        .then((outcome) => parent.postMessage(outcome, "*"))</script>`;
    document.body.append(frame);
})
""".replace("${ATTEMPT}", ATTEMPT.strip())


@asynccontextmanager
async def embedded(*origins: str) -> AsyncIterator[Running]:
    """Run an application that embeds a hub, with the default runner, as somebody else would.

    Args:
        origins: What pages may use it besides its own.
    """
    app = web.Application()
    app.router.add_get("/", page)
    broker = EventBroker.from_url("memory://", history=HistoryLimits(count=HISTORY))
    service = SignalsService.create(app, event_broker=broker, heartbeat=3600, cors_origins=origins)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Running(f"http://127.0.0.1:{runner.addresses[0][1]}/signals", service, [], asyncio.Event())
    finally:
        await runner.cleanup()


@pytest.fixture
async def browser() -> AsyncIterator[BrowserContext]:
    """A browser."""
    async with chromium() as context:
        yield context


async def test_golden_from_its_own_origin(http: aiohttp.ClientSession, browser: BrowserContext) -> None:
    """A page of the application that embeds the hub gets everything, in order and once, wherever it was cut."""
    async with embedded() as hub:
        await golden(http, hub.url, partial(event_source, browser, "/"))


@pytest.mark.parametrize("credentials", [False, True])
async def test_origins(browser: BrowserContext, pages: str, *, credentials: bool) -> None:
    """Pages of the hub's own origin and of allow-listed ones may listen; all others get no stream, but a 403.

    Credentials make no difference, and the browser gives up at once.
    """
    opened, refused = ("open", 200), ("closed", 403)
    async with embedded(pages) as hub:

        async def attempt(page_url: str, script: str = ATTEMPT, host: str = "127.0.0.1") -> tuple[str, int]:
            async with Proxy(hub.url) as proxy:
                tab = await browser.new_page()
                await tab.goto(urljoin(proxy.url, page_url).replace("127.0.0.1", host))
                outcome = await tab.evaluate(script, [f"{proxy.url}/stream", credentials])
                await tab.close()
                return outcome, int(proxy.responses[0].split()[1])

        assert await attempt("/") == opened
        assert await attempt(pages) == opened
        assert await attempt(pages, host="localhost") == refused
        assert await attempt("/", host="localhost") == refused
        assert await attempt(pages, SANDBOXED) == refused  # whose origin is "null"
