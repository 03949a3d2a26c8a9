"""What all tests share: a real hub on a free port, and a guard against calls that block the event loop."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import pytest
import structlog
from blockbuster import BlockBuster, blockbuster_ctx

from sse_signals.server import Running, running
from sse_signals.settings import load

StartHub = Callable[..., Any]


@pytest.fixture(autouse=True)
def blockbuster() -> Iterator[BlockBuster]:
    """Fail any test in which the event loop is blocked."""
    with blockbuster_ctx() as guard:
        yield guard


@pytest.fixture
async def start_hub() -> AsyncIterator[StartHub]:
    """Start hubs with any settings, given by name; they end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(**options: Any) -> Running:
            settings = load({}, {"port": 0, **options})
            return await stack.enter_async_context(running(settings, structlog.get_logger("sse_signals")))

        yield start


@pytest.fixture
async def hub(start_hub: StartHub) -> Running:
    """A hub with the default settings."""
    started: Running = await start_hub()
    return started


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client without limits of its own."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield session
