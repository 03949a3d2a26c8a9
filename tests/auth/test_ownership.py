"""What subjects own according to Backstage: when it is asked, with which tokens, and what is remembered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog

from sse_signals.auth.fetch import Fetch
from sse_signals.auth.userinfo import Userinfo
from sse_signals.errors import ConfigurationError, IssuerUnavailable, NotAuthenticated
from tests.auth.asked import HOUR, TEAM, Asked, asking_backstage  # noqa: F401 - a fixture
from tests.auth.backstage_issuer import JANE, USERINFO, Backstage, a_backstage  # noqa: F401 - a fixture
from tests.auth.issuer_server import Answer


async def test_an_answer_is_good_for_a_minute(issuer: Backstage, asked: Asked) -> None:
    """However many tokens of a subject are shown, it is asked for once a minute."""
    for _ in range(3):
        assert await asked.of(asked.token()) == TEAM
    issuer.clock.advance(59.999)
    assert await asked.of(asked.token()) == TEAM
    assert await asked.ownership.today(JANE) == TEAM
    assert asked.requests == 1
    issuer.clock.advance(0.001)
    assert await asked.ownership.today(JANE) == TEAM
    assert asked.requests == 2


async def test_one_question_for_all_who_wait(issuer: Backstage, asked: Asked) -> None:
    """A hundred streams of one subject at once cause one request; who gives up does not end it for the others."""
    release = issuer.server.hang(USERINFO)
    asking = asked.token()
    tasks = [asyncio.create_task(asked.of(asking)) for _ in range(100)]
    await issuer.server.until_asked(1, USERINFO)
    tasks[0].cancel()
    other = asyncio.create_task(asked.of(asked.token("user:default/other")))
    await issuer.server.until_asked(2, USERINFO)
    release()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[0], asyncio.CancelledError)
    assert outcomes[1:] == [TEAM] * 99
    assert await other == {"user:default/other"}
    assert asked.requests == 2


async def test_nobody_is_asked_with_an_expired_token(issuer: Backstage, asked: Asked) -> None:
    """Ownership ends with the last token of the subject, and the token is forgotten."""
    await asked.of(asked.token(seconds=100))
    await asked.of(asked.token(seconds=50))  # the one that lasts longest is kept
    issuer.clock.advance(99)
    assert await asked.ownership.today(JANE) == TEAM
    assert asked.requests == 2
    issuer.clock.advance(1)
    assert await asked.ownership.today(JANE) == TEAM  # as it was told a second ago
    issuer.clock.advance(60)
    with pytest.raises(NotAuthenticated, match="ownership-unknown"):
        await asked.ownership.today(JANE)
    assert asked.requests == 2


async def test_an_expired_token_is_not_shown_to_backstage(issuer: Backstage, asked: Asked) -> None:
    """Not even before it is forgotten: what was told goes on, and nobody is asked."""
    await asked.of(asked.token("user:default/other"))
    issuer.clock.advance(30)
    await asked.of(asked.token(seconds=50))
    issuer.clock.advance(30)
    await asked.of(asked.token("user:default/other"))
    issuer.clock.advance(30)
    before = asked.requests
    assert await asked.ownership.today(JANE) == TEAM
    assert asked.requests == before


async def test_an_expired_token_is_forgotten(issuer: Backstage, asked: Asked) -> None:
    """Nothing is kept of subjects who do not come back."""
    for number in range(5):
        await asked.of(asked.token(f"user:default/u{number}", seconds=100))
    assert len(asked.ownership) == 5
    issuer.clock.advance(100)
    await asked.of(asked.token())
    assert len(asked.ownership) == 1


async def test_so_many_subjects_are_remembered(issuer: Backstage) -> None:
    """Of more, those go that nobody asked for longest; their streams are not believed to own what they did."""
    asked = Asked(issuer, size=2)
    for subject in (JANE, "user:default/a", JANE, "user:default/b"):
        await asked.of(asked.token(subject))
    assert len(asked.ownership) == 2
    assert await asked.ownership.today(JANE) == TEAM
    with pytest.raises(NotAuthenticated, match="nobody has asked"):
        await asked.ownership.today("user:default/a")
    await asked.ownership.close()
    await asked.fetch.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_refused(issuer: Backstage, asked: Asked, status: int) -> None:
    """Backstage's refusal is the hub's, it is remembered for some seconds, and another token may be good."""
    bad = asked.token()
    issuer.withdrawn.add(bad[1])
    if status == 403:
        issuer.server.answers[USERINFO] = Answer(status=403)
    for _ in range(2):
        with pytest.raises(NotAuthenticated) as caught:
            await asked.of(bad)
        assert caught.value.cause == "ownership-refused"
        with pytest.raises(NotAuthenticated):
            await asked.ownership.today(JANE)
    assert asked.requests == 1
    issuer.up()
    assert await asked.of(asked.token(seconds=HOUR)) == TEAM
    assert await asked.ownership.today(JANE) == TEAM


async def test_a_refusal_is_asked_for_again(issuer: Backstage, asked: Asked) -> None:
    """A token that Backstage accepts later after all is good then."""
    token = asked.token()
    issuer.withdrawn.add(token[1])
    with pytest.raises(NotAuthenticated):
        await asked.of(token)
    issuer.withdrawn.clear()
    issuer.clock.advance(5)
    assert await asked.of(token) == TEAM


@pytest.mark.parametrize("seconds", [HOUR, 5 * HOUR])
async def test_another_token_does_not_suffer_from_a_refused_one(issuer: Backstage, asked: Asked, seconds: int) -> None:
    """While a token is being refused, a good one of the same subject waits with it, and is asked with next."""
    bad, good = asked.token(), asked.token(seconds=seconds)
    issuer.withdrawn.add(bad[1])
    release = issuer.server.hang(USERINFO)
    first = asyncio.create_task(asked.of(bad))
    await issuer.server.until_asked(1, USERINFO)
    second = asyncio.create_task(asked.of(good))
    await asyncio.sleep(0)
    release()
    assert await second == TEAM
    outcomes = await asyncio.gather(first, return_exceptions=True)
    assert outcomes[0] == TEAM or isinstance(outcomes[0], NotAuthenticated)
    assert issuer.tokens == [bad[1], good[1]]


NO_ENTS: list[Any] = [None, "group:default/team", {}]
BAD_ANSWERS: list[Any] = [
    *[b"", b"{", [], None, {}, {"claims": None}, {"claims": {}}, {"claims": {"sub": JANE}}],
    *[{"claims": {"sub": JANE, "ent": ent}} for ent in NO_ENTS],
    *[{"claims": {"sub": sub, "ent": ["group:default/team"]}} for sub in (None, 5, "", "user:default/joe", "jane")],
]


@pytest.mark.parametrize("body", BAD_ANSWERS)
async def test_an_answer_that_says_nothing_is_none(issuer: Backstage, asked: Asked, body: Any) -> None:
    """Neither a broken answer nor one that speaks of somebody else gives anybody anything."""
    issuer.server.answers[USERINFO] = Answer(body)
    with pytest.raises(IssuerUnavailable):
        await asked.of(asked.token())


async def test_what_is_no_entity_ref_is_left_out(issuer: Backstage, asked: Asked) -> None:
    """One broken entry neither counts nor takes the others with it; refs are brought into their one form."""
    issuer.server.answers[USERINFO] = Answer(
        {"claims": {"sub": "User:Jane", "ent": ["Group:A", "x", 5, None, "g:b c"]}}
    )
    assert await asked.of(asked.token()) == {"group:default/a"}


async def test_after_closing_nobody_is_asked(issuer: Backstage, asked: Asked) -> None:
    """What is under way ends, and whoever waited for it is told that nobody can tell."""
    issuer.server.hang(USERINFO)
    waiting = asyncio.create_task(asked.of(asked.token()))
    await issuer.server.until_asked(1, USERINFO)
    await asked.ownership.close()
    with pytest.raises(IssuerUnavailable):
        await waiting
    with pytest.raises(IssuerUnavailable):
        await asked.of(asked.token())
    assert asked.requests == 1


async def test_a_clock_that_was_set_back_does_not_stop_asking(issuer: Backstage, asked: Asked) -> None:
    """An answer from the future is not taken for a new one."""
    await asked.of(asked.token())
    issuer.clock.advance(-HOUR)
    issuer.groups[JANE] = []
    assert await asked.of(asked.token()) == {JANE}


def test_a_url_that_cannot_be_fetched_from_is_refused() -> None:
    """It stops the start, and not the first user."""
    logger = structlog.get_logger("sse_signals")
    with pytest.raises(ConfigurationError):
        Userinfo("ftp://backstage.example/", fetch=Fetch(logger), logger=logger)
