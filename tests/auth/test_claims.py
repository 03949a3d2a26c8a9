"""What verified claims say of somebody."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from sse_signals.auth.claims import identity_of, numeric_date, token_id
from sse_signals.errors import NotAuthenticated
from sse_signals.grants import NO_GRANTS, Grants
from sse_signals.identity import Identity
from tests.auth.issuer import SUBJECT, Issuer
from tests.fakes import NOON

ISSUER = Issuer()
TOKEN = ISSUER.token()
TOKEN_ID = "sha256:" + hashlib.sha256(TOKEN.rpartition(".")[0].encode()).hexdigest()[:32]


def identity(**claims: Any) -> Identity:
    return identity_of(ISSUER.claims(**claims), token=TOKEN, issuer="jwt")


def refusal(**claims: Any) -> NotAuthenticated:
    with pytest.raises(NotAuthenticated) as caught:
        identity(**claims)
    return caught.value


def test_a_plain_token_makes_an_identity_without_grants() -> None:
    """It owns itself, and expires exactly when the token does."""
    assert identity() == Identity(
        subject=SUBJECT,
        owns=frozenset({SUBJECT}),
        grants=NO_GRANTS,
        expires_ms=NOON + 3_600_000,
        issued_ms=NOON,
        token_id=TOKEN_ID,
        issuer="jwt",
    )


def test_the_claims_can_have_other_names() -> None:
    """What the default names hold does not count then."""
    claims = ISSUER.claims(groups=["group:default/a"], rights={"admin": True}, ent=5, signals=5)
    found = identity_of(claims, token=TOKEN, issuer="x", owns_claim="groups", grants_claim="rights")
    assert found.owns == {SUBJECT, "group:default/a"}
    assert found.grants == Grants(admin=True)


@pytest.mark.parametrize(
    ("claim", "owns"),
    [
        ([], set()),
        (["group:default/a"], {"group:default/a"}),
        (["Group:A", "group:default/a", "group:x/B"], {"group:default/a", "group:x/b"}),
        ([SUBJECT], set()),
    ],
)
def test_it_owns_what_the_claim_says_and_itself(claim: list[str], owns: set[str]) -> None:
    """In the one form in which refs are compared."""
    assert identity(ent=claim).owns == {SUBJECT, *owns}


@pytest.mark.parametrize("subject", ["jane", "auth0|5f7c", "jane@example.com", "https://idp.example/users/1"])
def test_a_subject_that_is_no_entity_ref_owns_only_what_the_claim_says(subject: str) -> None:
    """Nothing is made up for it."""
    assert identity(sub=subject).owns == frozenset()
    assert identity(sub=subject, ent=["group:default/a"]).owns == {"group:default/a"}


@pytest.mark.parametrize(
    "claim", ["group:default/a", 5, True, {}, {"group:default/a": 1}, [5], [None], [["a:b"]], [""], ["a"], ["a:b c"]]
)
def test_what_cannot_be_owned_is_refused(claim: object) -> None:
    """As a whole: who reads half of it may show too little or, with exclusions one day, too much."""
    error = refusal(ent=claim)
    assert error.cause == "bad-claims"
    assert "'ent'" in error.detail


def test_what_is_null_is_refused() -> None:
    """A claim that is there but null is not a missing one."""
    for name, cause in (("ent", "bad-claims"), ("signals", "bad-grants"), ("exp", "bad-claims"), ("iat", "bad-claims")):
        with pytest.raises(NotAuthenticated, match=cause):
            identity_of({**ISSUER.claims(), name: None}, token=TOKEN, issuer="jwt")


def test_the_grants_are_those_of_the_claim() -> None:
    """Their rules have tests of their own."""
    assert identity(signals={"admin": True}).grants == Grants(admin=True)
    assert refusal(signals=["admin"]).cause == "bad-grants"


@pytest.mark.parametrize(
    ("subject", "cause"),
    [
        (None, "no-subject"),
        ("", "no-subject"),
        ("x" * 256, "no-subject"),
        ("a\nb", "no-subject"),
        ("a\u200bb", "no-subject"),
        (5, "bad-claims"),
        (["jane"], "bad-claims"),
        ({"name": "jane"}, "bad-claims"),
        ("plugin:catalog", "reserved-subject"),
        ("Plugin:catalog", "reserved-subject"),
        ("key:ci", "reserved-subject"),
        ("KEY:", "reserved-subject"),
    ],
)
def test_a_subject_that_cannot_be_one_is_refused(subject: object, cause: str) -> None:
    """It must name somebody, and not somebody to whom the hub itself gives the name."""
    assert refusal(sub=subject).cause == cause


@pytest.mark.parametrize("subject", ["plugin", "key", "keys:a/b", "x" * 255, "ключ", "user:default/plugin"])
def test_other_subjects_are_kept_as_they_are(subject: str) -> None:
    """To the letter."""
    assert identity(sub=subject).subject == subject


def test_a_token_without_an_end_is_refused() -> None:
    """An identity that never expires would never be looked at again."""
    assert refusal(exp=None).cause == "no-expiry"


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        (0, 0),
        (1, 1000),
        (1.001, 1001),
        (1.5, 1500),
        (1769860800.123, 1769860800123),
        (0.0019, 1),
        (1e-7, 0),
        (253402300799, 253402300799000),
    ],
)
def test_a_time_is_exact_to_the_millisecond(seconds: float, milliseconds: int) -> None:
    """What is less than that is left off: nothing is valid for longer than it says."""
    assert numeric_date({"exp": seconds}, "exp") == milliseconds
    assert numeric_date({"exp": seconds}, "iat") is None


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), -1, -0.001, 253402300800, "1", None, True]
)
def test_what_is_no_time_is_refused(value: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(NotAuthenticated, match="bad-claims"):
        numeric_date({"exp": value}, "exp")


def test_an_unknown_time_of_issue_stays_unknown() -> None:
    """Who revokes a subject then has to take it for old."""
    assert identity(iat=None).issued_ms is None


def test_a_token_is_revoked_by_its_own_name_if_it_has_one() -> None:
    """Or else by what is signed: a name that nobody could write down is none."""
    assert identity(jti="abc").token_id == "abc"
    for name in ("", "x" * 256, "a\nb", 5, ["abc"], None):
        assert identity(jti=name).token_id == TOKEN_ID


def test_another_signature_does_not_make_another_token() -> None:
    """An ECDSA signature can be turned into another valid one without the key; revoking must not miss that."""
    assert token_id({}, TOKEN) == token_id({}, TOKEN[:-4] + "AAAA")
    assert token_id({}, TOKEN) != token_id({}, ISSUER.token(sub="user:default/joe"))
