"""Keys that an issuer publishes: what happens when they cannot be fetched."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from tests.auth.issuer_server import JWKS_PATH, Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

from tests.auth.jwks_world import ONE, TWO, World, opened


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """With the default times."""
    async with opened() as made:
        yield made


async def test_an_issuer_that_was_never_there_is_said_to_be_away(world: World) -> None:
    """Nobody can tell whether a token is good; it is tried again after the cool-down, and not before."""
    world.server.answers[JWKS_PATH] = Answer({}, status=500)
    for _ in range(3):
        with pytest.raises(IssuerUnavailable, match="status 500") as caught:
            await world.jwks.find("one", "ES256")
        assert caught.value.retry_after == 10
    assert world.requests == 1
    world.server.publish(ONE)
    world.clock.advance(9.999)
    with pytest.raises(IssuerUnavailable):
        await world.jwks.find("one", "ES256")
    world.clock.advance(0.001)
    assert await world.known()
    assert world.requests == 2


async def test_known_keys_go_on_while_the_issuer_is_away(world: World) -> None:
    """For a day; a name that is not known then cannot be judged, since it may be a new key's."""
    assert await world.known()
    world.server.answers[JWKS_PATH] = Answer({}, status=503)
    for _ in range(200):
        world.clock.advance(86_400 / 200 - 0.001)
        assert await world.known()
        await world.settled()
    with pytest.raises(IssuerUnavailable):
        await world.jwks.find("two", "ES256")
    assert world.requests == 201
    world.clock.advance(10)
    with pytest.raises(IssuerUnavailable):
        await world.jwks.find("one", "ES256")
    world.server.publish(ONE)
    world.clock.advance(10)
    assert await world.known()


async def test_after_an_outage_unknown_names_are_refused_again(world: World) -> None:
    """As soon as one fetch has succeeded."""
    assert await world.known()
    good = world.server.answers[JWKS_PATH]
    world.server.answers[JWKS_PATH] = Answer({}, status=503)
    world.clock.advance(10)
    with pytest.raises(IssuerUnavailable):
        await world.jwks.find("two", "ES256")
    world.server.answers[JWKS_PATH] = good
    world.clock.advance(10)
    assert not await world.known("two")
    assert not await world.known("three")


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html>"),
        Answer({"error": "no"}),
        Answer([]),
        Answer({"keys": "none"}),
        Answer({}, status=302, headers={"Location": "/elsewhere"}),
        Answer(b" " * (1024 * 1024 + 1)),
    ],
)
async def test_a_bad_answer_does_not_drop_known_keys(world: World, answer: Answer) -> None:
    """It counts as none."""
    assert await world.known()
    world.server.answers[JWKS_PATH] = answer
    world.clock.advance(300)
    assert await world.known()
    await world.settled()
    assert await world.known()
    assert world.requests == 2


async def test_a_set_without_keys_takes_all_of_them_back(world: World) -> None:
    """It is what the issuer says today."""
    assert await world.known()
    world.server.publish()
    world.clock.advance(300)
    assert await world.known()
    await world.settled()
    assert not await world.known()
    assert not await world.known(None)


async def test_a_clock_that_is_set_back_stops_nothing(world: World) -> None:
    """What was fetched in the future is taken for old; it is fetched again at once."""
    assert await world.known()
    world.clock.advance(-3600)
    world.server.publish(TWO)
    assert await world.known("two")
    assert world.requests == 2


async def test_failures_and_recoveries_are_logged_with_the_reason(world: World) -> None:
    """One line each; what cannot be used in a set is told once, not with every fetch."""
    bad = {**TWO.jwk(), "use": "enc"}
    with capture_logs() as logs:
        for answer in (Answer({}, status=500), Answer({"keys": [ONE.jwk(), bad]}), Answer({"keys": [ONE.jwk(), bad]})):
            world.server.answers[JWKS_PATH] = answer
            with contextlib.suppress(IssuerUnavailable, NotAuthenticated):
                await world.jwks.find("new", "ES256")
            world.clock.advance(300)
    told = [{k: v for k, v in entry.items() if k != "url"} for entry in logs if entry["event"] != "fetched"]
    assert told == [
        {
            "event": "the issuer's keys cannot be fetched",
            "log_level": "warning",
            "reason": "it answered with status 500",
            "known": 0,
        },
        {"event": "the issuer's keys can be fetched again", "log_level": "info"},
        {
            "event": "some of the issuer's keys cannot be used",
            "log_level": "warning",
            "keys": ["key 1: its use is not 'sig'"],
        },
    ]


async def test_a_failure_that_nobody_thought_of_is_one_like_any_other(world: World) -> None:
    """It is logged, and the next fetch comes after the cool-down."""

    async def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    fetch_json = world.jwks._fetch.json
    world.jwks._fetch.json = failing  # type: ignore[method-assign]
    with capture_logs() as logs, pytest.raises(IssuerUnavailable):
        await world.jwks.find("one", "ES256")
    assert logs[0]["reason"] == "ZeroDivisionError"
    world.jwks._fetch.json = fetch_json  # type: ignore[method-assign]
    world.clock.advance(10)
    assert await world.known()
