from __future__ import annotations

from dataclasses import replace

import pytest
import structlog

from sse_signals.auth.backstage import BackstageAuthenticator
from sse_signals.auth.fetch import Fetch
from sse_signals.errors import ConfigurationError, NotAuthenticated, NotRecognised
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.interfaces import Refreshing
from sse_signals.topics import of
from tests.auth.backstage_issuer import (  # noqa: F401 - fixtures
    JANE,
    TEAM,
    USERINFO,
    Backstage,
    a_backstage,
    a_door,
    authenticator,
    refusal,
    who,
)


async def test_a_user_is_who_the_token_says(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """Who it is comes from the token, what it owns from userinfo, and nothing is granted."""
    token = issuer.user("User:Default/Jane")
    identity = await who(door, token)
    assert identity.subject == JANE
    assert identity.owns == {JANE, TEAM}
    assert identity.issuer == "backstage"
    assert identity.expires_ms == issuer.clock.now_ms + 3_600_000
    assert identity.issued_ms == issuer.clock.now_ms
    assert (identity.token_id or "").startswith("sha256:")
    assert not identity.grants.publish
    assert issuer.tokens == [token]


async def test_ownership_in_the_token_is_taken_as_it_is(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """With an `ent` claim nobody is asked, not even when the token is shown again; a user always owns itself."""
    token = issuer.user(ent=["Group:Other"])
    for _ in range(2):
        identity = await who(door, token)
        assert identity.owns == {JANE, "group:default/other"}
    assert await door.refresh(identity) is identity
    assert issuer.server.requests[USERINFO] == 0


async def test_an_empty_ent_is_an_answer(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """A token that says its subject owns nothing is believed."""
    assert (await who(door, issuer.user(ent=[]))).owns == {JANE}
    assert not issuer.tokens


async def test_a_limited_token_is_a_users_too(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """It names no issuer and no audience, and userinfo is asked with it."""
    token = issuer.limited()
    assert (await who(door, token)).owns == {JANE, TEAM}
    assert issuer.tokens == [token]


async def test_a_plugin_may_publish_as_itself(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """It may publish to itself and its topics, is bound to them, owns nothing; acting for a user changes nothing."""
    identity = await who(door, issuer.plugin(obo=issuer.limited(), signals={"admin": True, "publish": ["*"]}))
    own = of(("catalog", "catalog:*"))
    assert identity.subject == "plugin:catalog"
    assert [grant.filters for grant in identity.grants.publish] == [own]
    assert [grant.targets for grant in identity.grants.publish] == [None]
    assert identity.grants.within == own
    assert not identity.grants.admin
    assert not identity.owns
    assert identity.issuer == "backstage"
    assert identity.expires_ms == issuer.clock.now_ms + 3_600_000
    assert await door.refresh(identity) is identity


async def test_what_was_verified_is_remembered(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """A token that is shown again gives the very same identity, without a request."""
    for token in (issuer.user(), issuer.limited(), issuer.plugin()):
        first = await who(door, token)
        asked = sum(issuer.server.requests.values())
        assert await who(door, token) is first
        assert sum(issuer.server.requests.values()) == asked


async def test_a_token_of_another_kind_is_left_to_others(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """A JWT of another type, and what is no JWT, may be another authenticator's."""
    for token in (issuer.user(typ="JWT"), issuer.user(typ=["x"]), "sse_key", ""):
        with pytest.raises(NotRecognised):
            await who(door, token)
        with pytest.raises(NotRecognised):
            await door.inspect(token)
    assert not issuer.server.requests


async def test_a_broken_token_is_refused(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """A JWT whose parts cannot be read is no good here either."""
    with pytest.raises(NotAuthenticated, match="malformed-token"):
        await who(door, issuer.user()[:-1] + "!")


async def test_the_issuer_can_be_set(issuer: Backstage) -> None:
    """Where the hub reaches Backstage by another URL than browsers do, tokens name the latter."""
    async with authenticator(issuer, issuer="https://backstage.example/api/auth", plugin_id="hub") as door:
        assert (await who(door, issuer.user(iss="https://backstage.example/api/auth"))).subject == JANE
        assert (await refusal(door, issuer.user())).cause == "wrong-issuer"
        assert (await who(door, issuer.plugin(aud="hub"))).subject == "plugin:catalog"
        assert (await refusal(door, issuer.plugin())).cause == "wrong-audience"


async def test_only_its_own_identities_are_refreshed(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """Somebody else's, though of the same name, and somebody anonymous come back as they are."""
    identity = replace(await who(door, issuer.user()), issuer="jwt", owns=frozenset({"group:default/other"}))
    issuer.clock.advance(60)
    assert await door.refresh(identity) is identity
    assert await door.refresh(ANONYMOUS) is ANONYMOUS
    assert issuer.server.requests[USERINFO] == 1


@pytest.mark.parametrize(
    ("sub", "cause"),
    [
        ("jane", "bad-claims"),
        ("plugin:catalog", "reserved-subject"),
        ("key:ci", "reserved-subject"),
        (None, "no-subject"),
    ],
)
async def test_a_users_subject_is_an_entity_ref(
    issuer: Backstage, door: BackstageAuthenticator, sub: str | None, cause: str
) -> None:
    """A user's token that names something else is refused, and nobody passes for a plugin or a key."""
    assert (await refusal(door, issuer.user(sub))).cause == cause


async def test_each_check_is_explained(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """For a good token every check passes, and the last one says who it is."""
    for token, subject in ((issuer.user(), JANE), (issuer.plugin(), "plugin:catalog")):
        checks = await door.inspect(token)
        assert all(check.passed for check in checks)
        assert checks[-1].name == "identity"
        assert subject in checks[-1].detail
        assert not any(token in str(check) for check in checks)


def test_a_url_that_cannot_be_fetched_from_stops_the_start() -> None:
    """What would be refused at the first token is refused at the start."""
    logger = structlog.get_logger("sse_signals")
    with pytest.raises(ConfigurationError):
        BackstageAuthenticator("http://backstage.example", fetch=Fetch(logger), logger=logger)


def test_it_is_an_authenticator_that_refreshes() -> None:
    """The hub asks it again for what somebody owns who is still there."""
    assert issubclass(BackstageAuthenticator, Refreshing)


async def test_what_another_node_has_found_out_is_kept(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """Who was let in elsewhere has no token here to ask with: what they own goes on until they expire."""
    elsewhere = Identity("user:default/elsewhere", frozenset({"group:default/a"}), issuer="backstage")
    assert await door.refresh(elsewhere) is elsewhere
    assert issuer.server.requests[USERINFO] == 0
