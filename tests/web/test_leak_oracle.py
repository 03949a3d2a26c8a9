"""Nothing leaks and nothing is missing: random worlds on a real hub, against an oracle of string comparisons."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.authenticated import house
from tests.web.leak_trial import Trial
from tests.web.leak_worlds import LeakWorld, rules_of, worlds

LEAST = 10_000
WORLDS = 12


async def live(world: LeakWorld) -> set[tuple[object, ...]]:
    """Let a world live on a hub of its own, and return what was compared."""
    async with house(anonymous=True, authentication={"rules": rules_of(world.law)}) as hub:
        trial = Trial(world, hub)
        await trial.run()
        return trial.compared


@pytest.mark.timeout(300)
def test_14_nothing_leaks_and_nothing_is_missing() -> None:
    """14: each gets what the oracle says, no more and no less, in every way there is; nobody is told a secret."""
    compared: set[tuple[object, ...]] = set()

    @settings(
        max_examples=WORLDS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds)
    def lives(world: LeakWorld) -> None:
        compared.update(asyncio.run(live(world)))

    lives()
    print(f"{len(compared)} tuples")
    assert len(compared) >= LEAST
