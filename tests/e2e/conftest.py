"""Clients by name, and a server of pages that are not the hub's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.e2e.browser import chromium, event_source, serving_pages
from tests.e2e.clients import CHROMIUM, CLIENTS, NODE_IS_READY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from blockbuster import BlockBuster

    from tests.e2e.inbox import Listen


def client_param(name: str) -> object:
    """Return a client's name as a parameter of tests, which are skipped where there is no such client."""
    needs_node = pytest.mark.skipif(
        name.startswith("npm") and not NODE_IS_READY,
        reason="needs Node.js 20 or later, with which ./tests/run installs the npm package eventsource",
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
    monkeypatch.setattr("sse_signals.web.stream.RECONNECT", (0.1, 0.1))
    monkeypatch.setattr("sse_signals.life.drain.GOODBYE", (0.1, 0.1))


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    """The origin of a server that serves pages, and nothing of the hub."""
    async with serving_pages() as origin:
        yield origin


@pytest.fixture(params=[client_param(name) for name in (CHROMIUM, *CLIENTS)])
async def listen(request: pytest.FixtureRequest, pages: str) -> AsyncIterator[Listen]:
    """Every client; the browser's page is of another origin than the hub."""
    if request.param != CHROMIUM:
        yield CLIENTS[request.param]
        return
    async with chromium() as browser:
        yield partial(event_source, browser, pages)
