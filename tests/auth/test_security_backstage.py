"""The security checklist for Backstage's tokens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from tests.auth.backstage_issuer import (  # noqa: F401 - fixtures
    JANE,
    TEAM,
    USERINFO,
    USERS_JWKS,
    Backstage,
    a_backstage,
    a_door,
    authenticator,
    plugin_jwks,
    refusal,
    who,
)
from tests.auth.issuer import forge, signing_key

if TYPE_CHECKING:
    from sse_signals.auth.backstage import BackstageAuthenticator


@pytest.mark.parametrize("kind", ["user", "limited", "plugin"])
async def test_3_unsigned_or_otherwise_signed_tokens_are_refused(
    issuer: Backstage, door: BackstageAuthenticator, kind: str
) -> None:
    """3: No signature, another key's, and another algorithm than ES256: 401, and nothing is fetched for the last."""
    good = getattr(issuer, kind)()
    typ = {"user": "user", "limited": "limited-user", "plugin": "plugin"}[kind]
    head, claims, _ = good.split(".")
    assert (await refusal(door, f"{head}.{claims}.")).cause == "wrong-algorithm"
    for algorithm in ("none", "ES384", "RS256", "HS256", "EdDSA"):
        header = {"alg": algorithm, "typ": f"vnd.backstage.{typ}", "kid": "users-1"}
        assert (await refusal(door, forge(header, {"sub": "catalog"}, lambda _: b"x"))).cause == "wrong-algorithm"
    assert not issuer.server.requests
    other = signing_key("other")
    stranger = forge(
        {"alg": "ES256", "typ": f"vnd.backstage.{typ}", "kid": (issuer.users_key.kid, "catalog-1")[kind == "plugin"]},
        {"sub": "catalog", "exp": issuer.clock.seconds + 60},
        other.sign,
    )
    assert (await refusal(door, stranger)).cause == "bad-signature"


AUDIENCES: list[tuple[str, Any]] = [
    *[("user", aud) for aud in (None, "signals", "backstage2", "Backstage", ["x"], ["backstage"], ["backstage", "x"])],
    *[("plugin", aud) for aud in (None, "backstage", "signal", "signals2", ["signals"], ["x", "signals"])],
]


@pytest.mark.parametrize(("kind", "aud"), AUDIENCES)
async def test_5_a_token_for_others_is_refused(
    issuer: Backstage, door: BackstageAuthenticator, kind: str, aud: Any
) -> None:
    """5: Wrong or missing `aud`, and any array: Backstage's are strings only."""
    assert (await refusal(door, getattr(issuer, kind)(aud=aud))).cause == "wrong-audience"
    assert issuer.server.requests[USERINFO] == 0


@pytest.mark.parametrize("variant", ["{}x", "{}/", "x{}", "http://localhost/api/auth", None])
async def test_5_a_token_of_another_issuer_is_refused(
    issuer: Backstage, door: BackstageAuthenticator, variant: str | None
) -> None:
    """5: Wrong `iss`, prefix and suffix variants included, and none."""
    iss = None if variant is None else variant.format(f"{issuer.server.url}/api/auth")
    assert (await refusal(door, issuer.user(iss=iss))).cause == "wrong-issuer"


async def test_5_one_kind_of_token_does_not_pass_for_another(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """5: A user's key makes no plugin's token, a plugin's key no user's, and a plugin's key not another plugin's."""
    issuer.install("scaffolder")
    key = issuer.plugin_keys["scaffolder"]
    assert (await refusal(door, issuer.plugin("catalog", key=issuer.users_key))).cause == "unknown-key"
    assert (await refusal(door, issuer.user(key=key))).cause == "unknown-key"
    assert (await refusal(door, issuer.plugin("catalog", key=key))).cause == "unknown-key"
    assert (await who(door, issuer.plugin("scaffolder"))).subject == "plugin:scaffolder"


PLUGIN_IDS = [
    *["", ".", "..", "../auth", "catalog/../auth", "catalog/", "catalog?x=", "catalog#", "catalog%2f", "Catalog"],
    *["a b", "a\n", "é", "x" * 65, "http://evil.example/", "@evil.example", "catalog\0", 5, None, ["catalog"], {}],
]


@pytest.mark.parametrize("sub", PLUGIN_IDS)
async def test_6_a_plugin_id_is_no_part_of_a_url(issuer: Backstage, door: BackstageAuthenticator, sub: Any) -> None:
    """6: A `sub` that is no plugin id is refused before anything is fetched, whatever path it would make."""
    assert (await refusal(door, issuer.plugin(sub, key=issuer.users_key))).cause == "unknown-plugin"
    assert not issuer.server.requests


async def test_8_a_rotated_key_is_found_and_the_old_one_is_refused(
    issuer: Backstage, door: BackstageAuthenticator
) -> None:
    """8: Tokens by the new key work at once, those by the old one are refused, though they were accepted before."""
    old, old_plugin = issuer.user(), issuer.plugin()
    assert (await who(door, old)).subject == JANE
    assert (await who(door, old_plugin)).subject == "plugin:catalog"
    issuer.rotate_users("users-2")
    issuer.rotate("catalog", "catalog-2")
    issuer.clock.advance(11)
    assert (await who(door, issuer.user())).subject == JANE
    assert (await who(door, issuer.plugin())).subject == "plugin:catalog"
    assert (await refusal(door, old)).cause == "unknown-key"
    assert (await refusal(door, old_plugin)).cause == "unknown-key"


async def test_8_known_keys_and_ownership_go_on_while_backstage_is_down(
    issuer: Backstage, door: BackstageAuthenticator
) -> None:
    """8: Whoever was known is let in with new tokens; for somebody new it is said that nobody can tell."""
    await who(door, issuer.user())
    await who(door, issuer.plugin())
    issuer.down()
    issuer.clock.advance(1800)
    assert (await who(door, issuer.user())).owns == {JANE, TEAM}
    assert (await who(door, issuer.plugin())).subject == "plugin:catalog"
    with pytest.raises(IssuerUnavailable, match="503"):
        await who(door, issuer.user("user:default/new"))
    checks = {check.name: check for check in await door.inspect(issuer.user("user:default/new"))}
    assert checks["identity"].passed is None
    issuer.up()
    issuer.clock.advance(6)
    assert (await who(door, issuer.user("user:default/new"))).owns == {"user:default/new"}


async def test_8_without_any_key_nobody_can_tell(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """8: When Backstage was never reached, tokens are not said to be bad."""
    issuer.down()
    for token in (issuer.user(), issuer.plugin()):
        with pytest.raises(IssuerUnavailable, match="503"):
            await who(door, token)


async def test_9_random_key_names_cause_one_fetch(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """9: Hundreds of tokens with made-up kids at once: one fetch each for users and plugin, and good tokens pass."""
    await who(door, issuer.user())
    await who(door, issuer.plugin())
    forged = [signing_key(f"made-up-{number}") for number in range(3)]
    tokens = [getattr(issuer, kind)(key=key) for key in forged for kind in ("user", "plugin")] * 50
    issuer.clock.advance(11)
    outcomes = await asyncio.gather(*(who(door, token) for token in tokens), return_exceptions=True)
    assert all(isinstance(outcome, NotAuthenticated) and outcome.cause == "unknown-key" for outcome in outcomes)
    assert issuer.server.requests[USERS_JWKS] == 2
    assert issuer.server.requests[plugin_jwks("catalog")] == 2
    assert (await who(door, issuer.user())).subject == JANE


async def test_9_invented_plugins_cause_few_fetches(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """9: A thousand tokens of plugins that do not exist: a bounded number of fetches, and known plugins do not wait."""
    await who(door, issuer.plugin())
    before = sum(issuer.server.requests.values())
    tokens = [issuer.plugin(f"made-up-{number}", key=issuer.users_key) for number in range(300)]
    for _ in range(2):
        outcomes = await asyncio.gather(*(who(door, token) for token in tokens), return_exceptions=True)
        assert all(isinstance(outcome, IssuerUnavailable) for outcome in outcomes)
    assert sum(issuer.server.requests.values()) == before + 30
    assert (await who(door, issuer.plugin())).subject == "plugin:catalog"
    assert (await who(door, issuer.plugin(exp=issuer.clock.seconds + 60))).subject == "plugin:catalog"
    issuer.install("scaffolder")
    with pytest.raises(IssuerUnavailable, match="too many plugins"):
        await who(door, issuer.plugin("scaffolder"))
    issuer.clock.advance(60)
    assert (await who(door, issuer.plugin("scaffolder"))).subject == "plugin:scaffolder"


async def test_9_listed_plugins_are_the_only_ones(issuer: Backstage) -> None:
    """9: With a list of plugins nothing is ever fetched for another one."""
    async with authenticator(issuer, plugins=["catalog"]) as door:
        issuer.install("scaffolder")
        assert (await refusal(door, issuer.plugin("scaffolder"))).cause == "unknown-plugin"
        assert not issuer.server.requests
        assert (await who(door, issuer.plugin())).subject == "plugin:catalog"


async def test_15_ownership_is_todays(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """15: A minute later a refresh, and the same token shown again, tell what Backstage says then, more or less."""
    token = issuer.user()
    before = await who(door, token)
    issuer.groups[JANE] = ["group:default/new"]
    assert await door.refresh(before) is before
    issuer.clock.advance(60)
    after = await door.refresh(before)
    assert after.owns == {JANE, "group:default/new"}
    assert after.token_id == before.token_id
    assert after.expires_ms == before.expires_ms
    assert (await who(door, token)).owns == after.owns
    issuer.groups[JANE] = []
    issuer.clock.advance(60)
    assert (await who(door, token)).owns == {JANE}
    assert (await door.refresh(after)).owns == {JANE}
    assert issuer.server.requests[USERINFO] == 3


async def test_15_a_newer_tokens_ownership_is_everybodys(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """15: Where tokens tell ownership themselves, the one issued last tells it for open streams too."""
    old = issuer.user(ent=[TEAM])
    before = await who(door, old)
    issuer.clock.advance(1)
    await who(door, issuer.user(ent=[]))
    assert (await door.refresh(before)).owns == {JANE}
    await who(door, old)
    assert (await door.refresh(before)).owns == {JANE}


async def test_15_who_is_not_vouched_for_any_more_is_refused(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """15: When Backstage refuses the token at a refresh, it no longer vouches for its subject."""
    token = issuer.user()
    identity = await who(door, token)
    issuer.withdrawn.add(token)
    issuer.clock.advance(60)
    with pytest.raises(NotAuthenticated, match="ownership-refused"):
        await door.refresh(identity)
    assert (await refusal(door, token)).cause == "ownership-refused"


async def test_2_expired_and_early_tokens_are_refused(issuer: Backstage, door: BackstageAuthenticator) -> None:
    """2: Expired, also by less than clocks may differ, without end, too long-lived, and not valid yet."""
    now = issuer.clock.seconds
    for kind in ("user", "limited", "plugin"):
        make = getattr(issuer, kind)
        assert (await refusal(door, make(exp=now - 31))).cause == "expired"
        assert (await refusal(door, make(exp=None))).cause == "no-expiry"
        assert (await refusal(door, make(exp=now + 90_000))).cause == "too-long-lived"
        assert (await refusal(door, make(nbf=now + 60))).cause == "not-yet-valid"
    assert (await refusal(door, issuer.user(exp=now - 1))).cause == "expired"
    assert issuer.server.requests[USERINFO] == 0


async def test_11_no_token_is_in_any_text(issuer: Backstage, door: BackstageAuthenticator, capsys: Any) -> None:
    """11: Neither what it keeps nor what it logs or raises shows a token."""
    token = issuer.user()
    await who(door, token)
    known = door._ownership._subjects[JANE]
    assert token not in repr(known)
    issuer.down()
    issuer.clock.advance(4000)
    with pytest.raises(NotAuthenticated) as caught:
        await who(door, token)
    signature = token.rpartition(".")[2]
    output = capsys.readouterr()
    assert signature not in f"{caught.value}{output.out}{output.err}"
