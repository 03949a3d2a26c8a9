"""Remote clients in bad weather: whatever the network does, nothing is lost, doubled or out of order."""

from __future__ import annotations

import asyncio

import pytest

from tests.client.weather import ENOUGH, FAULTS, Weather, short_patience


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_faults_lose_and_double_nothing(seed: int) -> None:
    """Judged by what publishers were told and subscribers got; each kind of fault happens several times."""
    weather = Weather(seed, faults=4 * len(FAULTS))
    async with asyncio.timeout(110), short_patience():
        report = await weather.run()
    assert report.findings == []
    assert len(weather.attempts) >= ENOUGH
    assert report.counts["received"] > 2 * len(weather.attempts)
    assert weather.connections > 20
