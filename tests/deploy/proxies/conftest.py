"""The proxies that are installed here, in one world for all tests of a module."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.deploy.proxies.programs import INSTALLED
from tests.deploy.proxies.world import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.brokers.servers import NatsServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(nats_server: NatsServer) -> AsyncIterator[World]:
    """Two hubs behind every proxy that is installed."""
    # Not below pytest's own folder, which every other run that begins closes to all but its user again: proxies that
    # drop their privileges read files here.
    with TemporaryDirectory(prefix="proxies-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        await asyncio.to_thread(folder.chmod, 0o711)
        async with world(folder, nats_server.url, INSTALLED) as made:
            yield made
