"""The proxies that are installed here, in one world for all tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.deploy.proxies.programs import INSTALLED
from tests.deploy.proxies.world import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from tests.brokers.servers import NatsServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def there(nats_server: NatsServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Two hubs behind every proxy that is installed."""
    folder = tmp_path_factory.mktemp("proxies")
    for above in (folder, folder.parent, folder.parent.parent):
        above.chmod(above.stat().st_mode | 0o011)  # proxies that drop their privileges read files here
    async with world(folder, nats_server.url, INSTALLED) as made:
        yield made
