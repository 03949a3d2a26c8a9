"""Clients by name, and a server of pages that are not the hub's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sse_signals.web.site import Site
from tests.e2e.browser import chromium, event_source, launched, serving_pages
from tests.e2e.clients import CHROMIUM, HOSTS, NODE, NODE_IS_READY
from tests.e2e.tabs import chromium as chromium_with_cache
from tests.e2e.town import a_room

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blockbuster import BlockBuster
    from playwright.async_api import Browser, BrowserContext

    from tests.e2e.inbox import Listen
    from tests.e2e.tabs import Browsing


def client_param(name: str) -> object:
    """Return a client's name as a parameter of tests, which are skipped where there is no such client."""
    needs_node = pytest.mark.skipif(
        name in NODE and not NODE_IS_READY,
        reason="needs Node.js 20 or later, with which ./tests/run installs the packages of tests/node",
    )
    return pytest.param(name, marks=needs_node)


@pytest.fixture(autouse=True)
def blockbuster(blockbuster: BlockBuster) -> BlockBuster:
    """Let Playwright look for its own files when it starts."""
    blockbuster.functions["os.stat"].can_block_in("playwright/_impl/_driver.py", "compute_driver_executable")
    return blockbuster


@pytest.fixture
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients come back soon: seconds of delay spare a hub with thousands of them, and here are few."""
    monkeypatch.setattr("sse_signals.app.Site", partial(Site, reconnect=(0.1, 0.1)))
    monkeypatch.setattr("sse_signals.web.stream.GOODBYE", (0.1, 0.1))
    monkeypatch.setattr("sse_signals.life.drain.GOODBYE", (0.1, 0.1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a module, since it takes long to start."""
    async with launched() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def profile(shared_browser: Browser) -> AsyncIterator[BrowserContext]:
    """A profile of its own in that browser."""
    opened = await shared_browser.new_context()
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def context(shared_browser: Browser) -> AsyncIterator[BrowserContext]:
    """A profile of its own in that browser, without cookies, which takes any certificate."""
    opened = await shared_browser.new_context(ignore_https_errors=True)
    yield opened
    await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def caching_browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a module, with its cache of pages that one may go back to."""
    async with chromium_with_cache() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def room(caching_browser: Browser) -> AsyncIterator[Browsing]:
    """A profile, and a hub that asks who is there, in that browser."""
    async with a_room(caching_browser) as opened:
        yield opened


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    """The origin of a server that serves pages, and nothing of the hub."""
    async with serving_pages() as origin:
        yield origin


@pytest.fixture(params=[client_param(name) for name in (CHROMIUM, *HOSTS) if "SignalsClient" not in name])
async def listen(
    request: pytest.FixtureRequest,
    pages: str,
    short_delays: None,  # noqa: ARG001 - it works by being there
) -> AsyncIterator[Listen]:
    """Clients that show whatever a stream brings, and come back soon; the browser's page is of another origin."""
    if request.param != CHROMIUM:
        async with HOSTS[request.param]() as client:
            yield client
        return
    async with chromium() as browser:
        yield partial(event_source, browser, pages)
