"""Verifying: what the checks are called, how they depend on each other, and what a verifier may be given."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.auth.verifier import Check, Verifier
from sse_signals.errors import ConfigurationError, IssuerUnavailable, NotAuthenticated, NotRecognised
from tests.auth.issuer import AUDIENCE, ISSUER, Issuer, forge, signing_key
from tests.auth.refusals import Named, verifier

if TYPE_CHECKING:
    from sse_signals.auth.keys import Key

NAMES = [
    *("form", "extensions", "algorithm", "type", "key", "signature"),
    *("expiry", "start", "lifetime", "issuer", "audience", "subject"),
]
issuer = Issuer()


class Away:
    """Keys that cannot be fetched."""

    async def find(self, _kid: str | None, _algorithm: str) -> Key:
        raise IssuerUnavailable("the issuer is asleep", retry_after=7)


def strict(**options: Any) -> Verifier:
    return verifier(Named(issuer.key), issuer.clock, **options)


async def outcomes(token: str) -> dict[str, bool | None]:
    return {check.name: check.passed for check in await strict().inspect(token)}


async def test_every_check_is_told() -> None:
    """In order, by name, each with a sentence; a good token passes them all."""
    checks = await strict().inspect(issuer.token())
    assert [check.name for check in checks] == NAMES
    assert all(check.passed is True and check.cause is None and check.hint is None for check in checks)
    assert all(check.detail.endswith(".") for check in checks)
    assert checks[6] == Check("expiry", passed=True, detail="It expires in 3600 s.")


async def test_a_token_with_many_faults_is_told_all_of_them() -> None:
    """Whoever mends a token need not find them one after the other."""
    now = issuer.clock.seconds
    token = issuer.token(header={"typ": "x", "crit": ["y"]}, exp=now - 90, nbf=now + 90, iss="a", aud="b", sub="")
    checks = [check for check in await strict().inspect(token) if not check.passed]
    assert [(check.name, check.cause) for check in checks] == [
        ("extensions", "unsupported-crit"),
        ("type", "wrong-type"),
        ("signature", None),
        ("expiry", "expired"),
        ("start", "not-yet-valid"),
        ("lifetime", None),
        ("issuer", "wrong-issuer"),
        ("audience", "wrong-audience"),
        ("subject", "no-subject"),
    ]
    assert [check.passed for check in checks if check.cause is None] == [None, None]
    assert all(check.hint for check in checks if check.cause)


@pytest.mark.parametrize(
    ("token", "failed", "not_made"),
    [
        ("nonsense", {"form"}, set(NAMES) - {"form"}),
        (issuer.token(header={"alg": "none"}), {"algorithm"}, {"key", "signature"}),
        (issuer.token(header={"kid": "two"}), {"key"}, {"signature"}),
        (issuer.token()[:-4] + "AAAA", {"signature"}, set()),
        (issuer.token(exp=None), {"expiry"}, {"lifetime"}),
        (issuer.token(exp="x"), {"expiry"}, {"lifetime"}),
        (issuer.token(iat="x"), {"start", "lifetime"}, set()),
    ],
)
async def test_a_check_that_needs_another_is_not_made_without_it(
    token: str, failed: set[str], not_made: set[str]
) -> None:
    """All others are."""
    found = await outcomes(token)
    assert {name for name, passed in found.items() if passed is False} == failed
    assert {name for name, passed in found.items() if passed is None} == not_made


async def test_keys_that_cannot_be_fetched_are_no_fault_of_the_token() -> None:
    """Verifying says so; inspecting makes every other check."""
    lost = verifier(Away(), issuer.clock)
    with pytest.raises(IssuerUnavailable) as caught:
        await lost.verify(issuer.token())
    assert caught.value.retry_after == 7
    checks = {check.name: check for check in await lost.inspect(issuer.token(aud="b"))}
    assert (checks["key"].passed, checks["key"].cause) == (None, None)
    assert "asleep" in checks["key"].detail
    assert (checks["signature"].passed, checks["audience"].passed, checks["issuer"].passed) == (None, False, True)


async def test_without_expectations_any_type_issuer_and_audience_will_do() -> None:
    """Signature, times and subject are checked always."""
    lenient = strict(types=None, issuers=None, audiences=None)
    await lenient.verify(issuer.token(header={"typ": None}, iss=None, aud=None))
    await lenient.verify(issuer.token(header={"typ": "x"}, iss=5, aud="y"))
    for changes in ({"exp": None}, {"sub": None}, {"sub": 5}, {"exp": 5}):
        with pytest.raises(NotAuthenticated):
            await lenient.verify(issuer.token(None, **changes))


async def test_each_expectation_may_have_several_values() -> None:
    """One of them is enough."""
    several = strict(types=["a", "JWT"], issuers=["x", ISSUER], audiences=["y", AUDIENCE])
    await several.verify(issuer.token())
    with pytest.raises(NotAuthenticated, match="it has to be signals or y"):
        await several.verify(issuer.token(aud="z"))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"leeway": 60.1}, "0 to 60 seconds, not 60.1"),
        ({"leeway": -1}, "0 to 60 seconds"),
        ({"leeway": float("nan")}, "0 to 60 seconds"),
        ({"lifetime": 0}, "more than 0 and at most"),
        ({"lifetime": float("nan")}, "more than 0 and at most"),
        ({"lifetime": float("inf")}, "more than 0 and at most"),
        ({"types": []}, "types of tokens"),
        ({"types": "JWT"}, "types of tokens"),
        ({"issuers": ""}, "issuers"),
        ({"issuers": ISSUER}, "issuers"),
        ({"audiences": ["", "a"]}, "audiences"),
        ({"audiences": frozenset()}, "audiences"),
    ],
)
def test_a_verifier_that_would_accept_too_much_or_nothing_is_not_made(options: dict[str, Any], what: str) -> None:
    """It stops the start, with a sentence."""
    with pytest.raises(ConfigurationError, match=what):
        strict(**options)


async def test_what_is_no_token_may_be_another_authenticators() -> None:
    """And what is one, but a bad one, may not."""
    with pytest.raises(NotRecognised):
        await strict().verify("sk_" + "x" * 40)
    with pytest.raises(NotAuthenticated) as caught:
        await strict().verify(issuer.token(exp=5))
    assert not isinstance(caught.value, NotRecognised)


async def test_a_key_for_another_algorithm_than_was_asked_for_verifies_nothing() -> None:
    """Even if a source of keys is wrong, the key decides."""

    class Careless:
        async def find(self, _kid: str | None, _algorithm: str) -> Key:
            return signing_key("one", "RS256").public

    with pytest.raises(NotAuthenticated) as caught:
        await verifier(Careless(), issuer.clock).verify(issuer.token())
    assert caught.value.cause == "wrong-algorithm"


CANARY = "c4n4ry" + secrets.token_hex(8)


@pytest.mark.parametrize("place", ["sub", "ent", "jti", "exp", "nbf", "iat", "extra"])
async def test_no_claim_shows_in_a_refusal(place: str) -> None:
    """What is told of a token is its type, its key's name, its issuer and audience: never what it says of somebody."""
    for token in (
        issuer.token(None, **{place: CANARY}, aud="b"),
        issuer.token({"alg": "none"}, **{place: [CANARY]}),
        forge(issuer.header(), f'{{"{place}": "{CANARY}"'.encode(), issuer.key.sign),
        forge(f'{{"{CANARY}": 1, "{CANARY}": 1}}'.encode(), issuer.claims(), issuer.key.sign),
    ):
        told = str(await strict().inspect(token))
        with pytest.raises(NotAuthenticated) as caught:
            await strict().verify(token)
        for text in (told, str(caught.value), repr(caught.value)):
            assert CANARY not in text
            assert not any(part in text for part in token.split(".") if part)


async def test_what_was_verified_shows_no_claims() -> None:
    """In its repr, which may be logged."""
    assert CANARY not in repr(await strict().verify(issuer.token(extra=CANARY)))
