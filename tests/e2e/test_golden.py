from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.scenario import HISTORY, golden

if TYPE_CHECKING:
    import aiohttp

    from tests.conftest import StartHub
    from tests.e2e.inbox import Listen


async def test_golden(start_hub: StartHub, http: aiohttp.ClientSession, pages: str, listen: Listen) -> None:
    """Every client gets the same events in the same order, once each, and is told of the gap, wherever it was cut."""
    hub = await start_hub(heartbeat=3600, history_count=HISTORY, cors_origins=pages)
    await golden(http, hub.url, listen)
