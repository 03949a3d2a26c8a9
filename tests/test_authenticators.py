"""Authenticators are what settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import CapturingLogger

from sse_signals.authenticators import authentication, authenticators
from sse_signals.errors import ConfigurationError, IssuerUnavailable
from sse_signals.interfaces import Refreshing
from sse_signals.rules import NO_RULES
from sse_signals.settings import load
from tests.assembled import JWT, SHARED, a_file_of_rules, an_api_key, assembled, cause, who, written  # noqa: F401 - fixtures
from tests.auth.backstage_issuer import JANE, Backstage, backstage
from tests.auth.issuer import SECRET, SUBJECT, Issuer, signing_key
from tests.auth.issuer_server import serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pem(tmp_path: Path) -> str:
    """The path of a file with a public key."""
    return written(tmp_path / "key.pem", signing_key().pem())


async def test_nothing_set_is_nobody_asked() -> None:
    """Without `auth` there are no authenticators, no rules and no secret."""
    async with assembled() as made:
        assert (made.authenticators, made.rules, made.ticket_secrets) == ([], NO_RULES, [])


async def test_jwt_settings_reach_the_verifier() -> None:
    """Issuer, audience, type, leeway and lifetime are those that are set, and the claims have the names that are."""
    options: dict[str, Any] = {
        **JWT, "jwt_audience": "other, signals", "jwt_type": "at+jwt", "leeway": "10", "token_lifetime": "600",
        "jwt_owns_claim": "groups", "jwt_grants_claim": "may", "secret": SECRET,
    }  # fmt: skip
    issuer = Issuer(key=SHARED.key, typ="at+jwt")
    now = issuer.clock.seconds
    async with assembled(**options) as made:
        assert made.ticket_secrets == [SECRET.encode()]
        good = issuer.token(exp=now + 600, groups=["group:ops"], may={"admin": True})
        identity = await who(made, good)
        assert (identity.subject, identity.issuer) == (SUBJECT, "jwt")
        assert identity.owns == {SUBJECT, "group:default/ops"}
        assert identity.grants.admin
        assert await cause(made, issuer.token(exp=now + 601)) == "too-long-lived"
        assert (await who(made, issuer.token(iat=now - 60, exp=now - 9))).subject == SUBJECT
        assert await cause(made, issuer.token(iat=now - 60, exp=now - 10)) == "expired"
        assert await cause(made, issuer.token(exp=now + 60, aud="third")) == "wrong-audience"
        assert await cause(made, issuer.token(exp=now + 60, iss="x")) == "wrong-issuer"
        assert await cause(made, issuer.token({"typ": "JWT"}, exp=now + 60)) == "wrong-type"


@pytest.mark.parametrize(
    "missing", [{}, {"jwt_issuer": "iss"}, {"jwt_audience": "aud"}, {"jwt_issuer": "iss", "jwt_audience": "aud"}]
)
async def test_a_jwt_that_need_not_be_meant_for_this_hub_is_warned_of(missing: dict[str, str]) -> None:
    """Without issuer or audience any will do, and the start says which setting would change that."""
    logger = CapturingLogger()
    async with assembled(logger=logger, **{**JWT, **dict.fromkeys(missing)}) as made:
        for value in (None, "https://anybody.example"):
            token = SHARED.token(**dict.fromkeys(missing.values(), value))
            assert (await who(made, token)).subject == SUBJECT
    warned = [call.kwargs["not_set"] for call in logger.calls if call.method_name == "warning"]
    assert warned == ([[f"SIGNALS_{name.upper()}" for name in missing]] if missing else [])


async def test_several_keys_at_once(pem: str) -> None:
    """A secret and PEM files are all good, each for its own algorithm."""
    async with assembled(**{**JWT, "jwt_key": pem}) as made:
        for issuer in (SHARED, Issuer()):
            assert (await who(made, issuer.token())).subject == SUBJECT


@pytest.mark.parametrize("secret", [None, SECRET])
async def test_published_keys_and_a_secret_beside_them(secret: str | None) -> None:
    """Keys come from the URL; a secret beside it is only for the algorithms of secrets, and asks for nothing."""
    async with serving() as server:
        server.publish(signing_key())
        options = {**JWT, "jwt_secret": secret, "jwt_jwks_url": server.at()}
        async with assembled(**options) as made:
            if secret is not None:
                assert (await who(made, SHARED.token())).subject == SUBJECT
                assert not server.requests
            assert (await who(made, Issuer().token())).subject == SUBJECT
            assert server.requests["/jwks.json"] == 1


async def test_plain_http_is_used_where_it_is_allowed() -> None:
    """Whoever says that the network is trusted can name an issuer on it."""
    async with assembled(
        auth="jwt,backstage",
        jwt_jwks_url="http://192.0.2.1/keys",
        backstage_url="http://192.0.2.1:7007",
        insecure_issuer=True,
    ) as made:
        assert len(made.authenticators) == 2


async def test_after_the_end_nothing_is_fetched() -> None:
    """Closing lets go of the connections to issuers: who asks then is told that it cannot be checked."""
    async with serving() as server:
        server.publish(signing_key())
        async with assembled(auth="jwt", jwt_jwks_url=server.at()) as made:
            pass
        with pytest.raises(IssuerUnavailable):
            await who(made, Issuer().token())
        assert not server.requests


async def test_backstage_settings_reach_it() -> None:
    """Its users and plugins are known, for the hub's plugin id and the issuer that are set."""
    async with backstage() as issuer:
        issuer.groups[JANE] = ["group:default/team"]
        options: dict[str, Any] = {"auth": "backstage", "backstage_url": issuer.server.url + "/"}
        async with assembled(clock=issuer.clock, **options) as made:
            assert isinstance(made.authenticators[0], Refreshing)
            identity = await who(made, issuer.user())
            assert identity.issuer == "backstage"
            assert identity.owns == {JANE, "group:default/team"}
            assert (await who(made, issuer.plugin())).subject == "plugin:catalog"
        options |= {"backstage_plugin_id": "events", "backstage_issuer": "https://else.example", "leeway": "0"}
        async with assembled(clock=issuer.clock, **options) as made:
            assert await cause(made, issuer.plugin()) == "wrong-audience"
            assert (await who(made, issuer.plugin(aud="events"))).subject == "plugin:catalog"
            assert await cause(made, issuer.user()) == "wrong-issuer"
            assert (await who(made, issuer.user(iss="https://else.example"))).subject == JANE
            assert await cause(made, issuer.user(iss="https://else.example", exp=issuer.clock.seconds)) == "expired"


async def test_several_ways_at_once(rules: str, key: tuple[str, str]) -> None:
    """Each token finds its own way, whatever the order in the setting; the surest of its kind is asked first."""
    issuer: Backstage
    async with backstage() as issuer:
        options = {**JWT, "auth": "jwt,backstage,keys", "backstage_url": issuer.server.url, "rules": rules}
        async with assembled(clock=issuer.clock, **options) as made:
            assert [method.name for method in made.methods] == ["keys", "backstage", "jwt"]
            tokens = (key[0], issuer.user(), SHARED.token())
            assert [(await who(made, token)).issuer for token in tokens] == ["keys", "backstage", "jwt"]


def test_the_secret_of_tickets_is_not_in_its_text() -> None:
    """11: A canary secret appears in no text of what was made of it."""
    settings = load({}, {**JWT, "secret": "canary-" + SECRET, "jwt_secret": "canary-" + SECRET})
    made = authenticators(settings, logger=CapturingLogger())
    assert made.ticket_secrets == [("canary-" + SECRET).encode()]
    assert "canary" not in repr(made)


def test_an_application_of_ones_own_chooses_by_the_same_names() -> None:
    """Settings by name, with the same checks; each arrives where it belongs, and the leeway is part of a lifetime."""
    options = {**JWT, "anonymous": True, "cookie": "session", "secret": SECRET, "token_lifetime": 600, "expiring": 5}
    made = authentication(**options, leeway=10, logger=CapturingLogger())
    assert len(made.authenticators) == 1
    assert (made.anonymous, made.cookie, made.secret) == (True, "session", SECRET.encode())
    assert (made.lifetime, made.expiring, made.rules) == (610, 5, NO_RULES)
    with pytest.raises(ConfigurationError, match=r"^jwt_isuer is no setting"):
        authentication(**JWT, jwt_isuer="x")
    with pytest.raises(ConfigurationError, match=r"^host is no setting"):
        authentication(**JWT, host="127.0.0.1")
    with pytest.raises(ConfigurationError, match=r"^auth is not given"):
        authentication()
