"""What subjects own while Backstage fails, wholly or for one of them."""

from __future__ import annotations

import pytest

from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from tests.auth.asked import HOUR, TEAM, Asked, asking_backstage  # noqa: F401 - a fixture
from tests.auth.backstage_issuer import JANE, Backstage, a_backstage  # noqa: F401 - a fixture


async def test_a_first_look_up_that_fails_is_nobodys_fault(issuer: Backstage, asked: Asked) -> None:
    """It is said that nobody can tell, and for some seconds nobody asks again for this subject; then it works."""
    issuer.down()
    for _ in range(3):
        with pytest.raises(IssuerUnavailable, match="503") as caught:
            await asked.of(asked.token())
    assert caught.value.retry_after == 5
    assert asked.requests == 1
    issuer.up()
    issuer.clock.advance(4.999)
    with pytest.raises(IssuerUnavailable):
        await asked.of(asked.token())
    issuer.clock.advance(0.001)
    assert await asked.of(asked.token()) == TEAM


async def test_what_is_known_goes_on_for_an_hour(issuer: Backstage, asked: Asked) -> None:
    """While Backstage is down, for new tokens and open streams; afterwards nobody is believed to own anything."""
    await asked.of(asked.token())
    issuer.down()
    issuer.clock.advance(HOUR - 0.001)
    assert await asked.of(asked.token()) == TEAM
    assert await asked.ownership.today(JANE) == TEAM
    issuer.clock.advance(0.001)
    with pytest.raises(IssuerUnavailable, match="503"):
        await asked.of(asked.token())
    with pytest.raises(NotAuthenticated, match="503") as caught:
        await asked.ownership.today(JANE)
    assert caught.value.cause == "ownership-unknown"
    assert caught.value.hint
    issuer.up()
    issuer.clock.advance(5)
    assert await asked.ownership.today(JANE) == TEAM


async def test_while_backstage_is_out_of_reach_streams_are_not_held_up(issuer: Backstage, asked: Asked) -> None:
    """After some failures in a row, refreshing many subjects asks once in a while instead of once for each."""
    subjects = [f"user:default/u{number}" for number in range(20)]
    for subject in subjects:
        await asked.of(asked.token(subject))
    issuer.down()
    issuer.clock.advance(60)
    before = asked.requests
    for subject in subjects:
        assert await asked.ownership.today(subject) == {subject}
    assert asked.requests == before + 3
    issuer.clock.advance(5)
    for subject in subjects:
        await asked.ownership.today(subject)
    assert asked.requests == before + 4
    issuer.up()
    issuer.clock.advance(5)
    for subject in subjects:
        await asked.ownership.today(subject)
    assert asked.requests == before + 24


async def test_one_subject_that_fails_does_not_stop_the_others(issuer: Backstage, asked: Asked) -> None:
    """Somebody whom Backstage cannot answer for, in the midst of others, stops none of them."""
    subjects = [f"user:default/u{number}" for number in range(6)]
    for subject in subjects:
        await asked.of(asked.token(subject))
    issuer.groups[subjects[0]] = ["x" * 2_000_000]
    for number in range(5):
        issuer.clock.advance(60)
        issuer.groups.update({subject: [f"group:default/{number}"] for subject in subjects[1:]})
        for subject in subjects[1:]:
            await asked.ownership.today(subjects[0])
            assert await asked.ownership.today(subject) == {subject, f"group:default/{number}"}


async def test_an_unforeseen_failure_is_not_the_last_question(issuer: Backstage, asked: Asked) -> None:
    """Whatever goes wrong is told, and it is asked again later."""
    real = asked.ownership._userinfo

    class Broken:
        url = real.url

        async def owned(self, *_: str) -> frozenset[str]:
            raise ZeroDivisionError

    asked.ownership._userinfo = Broken()  # type: ignore[assignment]
    with pytest.raises(IssuerUnavailable, match="ZeroDivisionError"):
        await asked.of(asked.token())
    asked.ownership._userinfo = real
    issuer.clock.advance(5)
    assert await asked.of(asked.token()) == TEAM
