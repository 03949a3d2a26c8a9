"""The authenticator for JSON Web Tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.auth.jwt import JwtAuthenticator
from sse_signals.errors import IssuerUnavailable, NotAuthenticated, NotRecognised
from sse_signals.grants import Grants, PublishGrant
from sse_signals.interfaces import Authenticator, Credentials
from sse_signals.topics import of
from tests.auth.issuer import SUBJECT, Issuer, signing_key
from tests.auth.refusals import Named, verifier

if TYPE_CHECKING:
    from sse_signals.auth.keys import Key


class World:
    """An issuer, and a hub that trusts it."""

    def __init__(self, **options: Any) -> None:
        self.issuer = Issuer()
        self.keys = Named(self.issuer.key)
        self.jwt = JwtAuthenticator(verifier(self.keys, self.issuer.clock), **options)

    async def authenticate(self, **claims: Any) -> Any:
        return await self.jwt.authenticate(Credentials(self.issuer.token(**claims)))


async def test_it_tells_who_shows_a_token() -> None:
    """With what it owns and may do, under the authenticator's name."""
    world = World()
    authenticator: Authenticator = world.jwt
    grants = {"publish": ["orders/*"]}
    token = world.issuer.token(ent=["group:default/a"], signals=grants, jti="t1")
    found = await authenticator.authenticate(Credentials(token))
    assert (found.subject, found.issuer, found.token_id) == (SUBJECT, "jwt", "t1")
    assert found.owns == {SUBJECT, "group:default/a"}
    assert found.grants == Grants(publish=(PublishGrant(of(("orders/*",))),))


async def test_claims_and_name_are_as_configured() -> None:
    """Each issuer has its own words."""
    world = World(owns_claim="groups", grants_claim="rights", name="idp")
    found = await world.authenticate(groups=["group:default/a"], rights={"admin": True})
    assert (found.issuer, found.grants.admin, "group:default/a" in found.owns) == ("idp", True, True)


@pytest.mark.parametrize(
    ("token", "cause"),
    [
        ("sk_1234567890", "malformed-token"),
        (Issuer().token(iss="https://other.example/"), "wrong-issuer"),
        (Issuer().token(iss=None), "wrong-issuer"),
        (Issuer(typ="vnd.backstage.user").token(), "wrong-type"),
    ],
)
async def test_what_may_be_another_authenticators_is_not_refused_for_good(token: str, cause: str) -> None:
    """Another kind of credential, or a token of another issuer or type; the cause is still the true one."""
    with pytest.raises(NotRecognised) as caught:
        await World().jwt.authenticate(Credentials(token))
    assert caught.value.cause == cause


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"exp": 5}, "expired"),
        ({"aud": "b"}, "wrong-audience"),
        ({"header": {"kid": "two"}}, "unknown-key"),
        ({"header": {"alg": "none"}}, "wrong-algorithm"),
        ({"ent": "group:default/a"}, "bad-claims"),
        ({"signals": []}, "bad-grants"),
        ({"sub": "plugin:catalog"}, "reserved-subject"),
    ],
)
async def test_a_bad_token_of_this_issuer_is_refused_for_good(changes: dict[str, Any], cause: str) -> None:
    """No other authenticator is asked, and nothing is remembered of it."""
    world = World()
    for _ in range(2):
        with pytest.raises(NotAuthenticated) as caught:
            await world.authenticate(**changes)
        assert caught.value.cause == cause
        assert not isinstance(caught.value, NotRecognised)
    assert len(world.jwt._verified) == 0


async def test_a_token_is_verified_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shows it again gets the same identity, without the work; another token is verified."""
    world = World()
    verified: list[str] = []
    verify = world.jwt._verifier.verify

    async def counting(token: str, *peeked: Any) -> Any:
        verified.append(token)
        return await verify(token, *peeked)

    monkeypatch.setattr(world.jwt._verifier, "verify", counting)
    token = world.issuer.token()
    first = await world.jwt.authenticate(Credentials(token))
    for _ in range(100):
        assert await world.jwt.authenticate(Credentials(token)) is first
    assert verified == [token]
    await world.authenticate(sub="user:default/joe")
    assert len(verified) == 2


async def test_within_the_leeway_a_token_is_good_but_expires_when_it_says() -> None:
    """The leeway is for clocks that differ; it prolongs no stream."""
    world = World()
    token = world.issuer.token()
    world.issuer.clock.advance(3610)
    found = await world.jwt.authenticate(Credentials(token))
    assert found.expired(world.issuer.clock())
    world.issuer.clock.advance(20)
    with pytest.raises(NotAuthenticated, match="expired"):
        await world.jwt.authenticate(Credentials(token))


async def test_an_issuer_that_is_away_refuses_nobody_for_good() -> None:
    """It is said that nobody can tell now."""

    class Away:
        async def find(self, _kid: str | None, _algorithm: str) -> Key:
            raise IssuerUnavailable("away")

    issuer = Issuer(key=signing_key())
    with pytest.raises(IssuerUnavailable):
        await JwtAuthenticator(verifier(Away(), issuer.clock)).authenticate(Credentials(issuer.token()))
