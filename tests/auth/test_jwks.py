"""Keys that an issuer publishes: when they are fetched, and who waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.jwks import Jwks
from sse_signals.errors import ConfigurationError, IssuerUnavailable, NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

from tests.auth.jwks_world import LOGGER, ONE, RSA, TWO, World, opened


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """With the default times."""
    async with opened() as made:
        yield made


async def test_nothing_is_fetched_before_somebody_asks(world: World) -> None:
    """Then it is fetched once, and known from then on."""
    assert world.requests == 0
    assert (await world.jwks.find("one", "ES256")) == ONE.public
    assert (await world.jwks.find(None, "RS256")) == RSA.public
    assert world.requests == 1


async def test_who_comes_at_once_waits_for_one_fetch(world: World) -> None:
    """All of them for the same one."""
    release = world.server.hang()
    waiting = [asyncio.create_task(world.known()) for _ in range(100)]
    await world.server.until_asked(1)
    release()
    assert all(await asyncio.gather(*waiting))
    assert world.requests == 1


async def test_who_no_longer_waits_does_not_end_it_for_others(world: World) -> None:
    """The first who asked has gone; those who came later still get the keys."""
    release = world.server.hang()
    first, second = asyncio.create_task(world.known()), asyncio.create_task(world.known())
    await world.server.until_asked(1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    release()
    assert await second
    assert world.requests == 1


async def test_an_unknown_name_makes_one_fetch(world: World) -> None:
    """If the cool-down is over; a key that was published meanwhile is then known."""
    assert await world.known()
    world.server.publish(ONE, TWO)
    assert not await world.known("two")
    assert world.requests == 1
    world.clock.advance(10)
    assert await world.known("two")
    assert world.requests == 2


async def test_there_is_one_fetch_at_a_time(world: World) -> None:
    """Even if it takes longer than the cool-down: who comes then waits for the one that is under way."""
    release = world.server.hang()
    first = asyncio.create_task(world.known())
    await world.server.until_asked(1)
    world.clock.advance(11)
    second = asyncio.create_task(world.known("two"))
    await asyncio.sleep(0)
    release()
    assert (await first, await second) == (True, False)
    assert world.requests == 1


async def test_a_known_key_for_another_algorithm_fetches_nothing(world: World) -> None:
    """Nor do several that might be meant: the issuer cannot help."""
    world.server.publish(ONE, TWO)
    assert await world.known()
    world.clock.advance(60)
    for kid, algorithm, cause in (("one", "HS256", "wrong-algorithm"), (None, "ES256", "ambiguous-key")):
        with pytest.raises(NotAuthenticated) as caught:
            await world.jwks.find(kid, algorithm)
        assert caught.value.cause == cause
    assert world.requests == 1


async def test_a_known_key_never_waits(world: World) -> None:
    """A set that has become old is fetched again while its keys go on."""
    assert await world.known()
    release = world.server.hang()
    world.clock.advance(299)
    assert await world.known()
    assert world.requests == 1
    world.clock.advance(1)
    for _ in range(100):
        assert await world.known()
    await world.server.until_asked(2)
    assert await world.known()
    release()
    await world.settled()
    assert world.requests == 2


async def test_a_key_that_disappeared_is_refused_after_the_next_fetch(world: World) -> None:
    """Whoever made that happen."""
    assert await world.known()
    world.server.publish(TWO)
    world.clock.advance(300)
    assert await world.known()  # which lets the set be fetched
    await world.settled()
    assert not await world.known()
    assert await world.known("two")
    assert world.requests == 2


async def test_the_set_is_fetched_again_although_nobody_asks() -> None:
    """Or a key that disappeared long ago would be good once more after a quiet night."""
    async with opened(max_age=0.02, cool_down=0.0) as world:
        assert await world.known()
        world.server.publish(TWO)
        await world.server.until_asked(3)
        await world.settled()
        assert not await world.known()


async def test_keys_that_nobody_asks_for_are_forgotten() -> None:
    """After the time for which they are kept no timer runs; who asks again waits for what the issuer says then."""
    async with opened(max_age=0.02, cool_down=0.0) as world:
        assert await world.known()
        world.clock.advance(86_400)
        async with asyncio.timeout(30):
            while world.jwks._timer is not None:
                await world.server.until_asked(world.requests + 1)
                await world.settled()
        asked = world.requests
        assert await world.known()
        assert world.requests > asked


async def test_a_url_that_cannot_be_used_stops_the_start() -> None:
    """Before anything is asked for."""
    with pytest.raises(ConfigurationError, match="use https"):
        Jwks("http://issuer.example/jwks", fetch=Fetch(LOGGER), logger=LOGGER)


async def test_closing_ends_a_fetch_and_the_timer(world: World) -> None:
    """Who waits is told that the keys cannot be fetched; afterwards nothing is asked for any more."""
    world.server.hang()
    waiting = asyncio.create_task(world.jwks.find("one", "ES256"))
    await world.server.until_asked(1)
    await world.jwks.close()
    with pytest.raises(IssuerUnavailable, match="stopping"):
        await waiting
    world.clock.advance(300)
    with pytest.raises(IssuerUnavailable):
        await world.jwks.find("one", "ES256")
    assert world.requests == 1
    assert world.jwks._timer is None
    await world.jwks.close()


async def test_closing_leaves_no_timer_behind() -> None:
    """Not even one that was set already."""
    async with opened() as world:
        assert await world.known()
        assert world.jwks._timer is not None
        await world.jwks.close()
        assert world.jwks._timer is None
        assert await world.known()
