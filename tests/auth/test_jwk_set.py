"""What is taken from a JWK set, and what is left out."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from sse_signals.auth.jwk_set import MAX_KEYS, Unusable, parse
from tests.auth.issuer import SECRET, SigningKey, rsa_key, signing_key

ONE = signing_key()
RSA = signing_key("rsa", "RS256")


def private_jwk(key: SigningKey) -> dict[str, Any]:
    """Return a JWK with the private half."""
    jwk: dict[str, Any] = get_default_algorithms()[key.algorithm].to_jwk(key.private, as_dict=True)
    jwk.pop("key_ops", None)
    return jwk


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512", "EdDSA", "RS256", "PS512"])
@pytest.mark.parametrize("said", [True, False])
def test_a_key_is_for_one_algorithm(algorithm: str, *, said: bool) -> None:
    """For the one that its `alg` says, or else the one that follows from its curve; for RSA that is RS256."""
    key = signing_key("one", algorithm)
    keys, skipped = parse({"keys": [key.jwk() if said else key.jwk(alg=None)]})
    expected = "RS256" if algorithm == "PS512" and not said else algorithm
    assert ([(key.kid, key.algorithm) for key in keys], skipped) == ([("one", expected)], [])
    assert keys[0].material == key.public.material


@pytest.mark.parametrize(
    "members",
    [
        {"kid": None},
        {"use": None},
        {"use": None, "key_ops": ["verify"]},
        {"key_ops": ["sign", "verify"]},
        {"x5c": ["MIIB"], "x5t": "AAAA", "ext": True, "nbf": 5},
    ],
)
def test_what_is_left_out_or_besides_does_no_harm(members: dict[str, Any]) -> None:
    """Only the kind and the numbers of a key have to be there."""
    assert len(parse({"keys": [ONE.jwk(**members)]})[0]) == 1


UNUSABLE: list[tuple[Any, str]] = [
    (None, "not an object"),
    ("key", "not an object"),
    ([], "not an object"),
    ({}, "kty"),
    (ONE.jwk(kty="ec"), "kty"),
    (ONE.jwk(kty=["EC"]), "kty"),
    ({"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "one", "alg": "HS256"}, "kty"),
    (ONE.jwk(use="enc"), "use"),
    (ONE.jwk(use=["sig"]), "use"),
    (ONE.jwk(key_ops=["sign"]), "key_ops"),
    (ONE.jwk(key_ops=[]), "key_ops"),
    (ONE.jwk(key_ops="verify"), "key_ops"),
    (ONE.jwk(key_ops={"verify": 1}), "key_ops"),
    (ONE.jwk(kid=5), "not text"),
    (ONE.jwk(alg=5), "not text"),
    (ONE.jwk(alg="ES384"), "for ES256, not for 'ES384'"),
    (ONE.jwk(alg="HS256"), "for ES256, not for 'HS256'"),
    (ONE.jwk(alg="none"), "for ES256, not for 'none'"),
    (RSA.jwk(alg="HS256"), "not for 'HS256'"),
    (RSA.jwk(alg="RSA-OAEP"), "not for 'RSA-OAEP'"),
    (ONE.jwk(crv="P-384"), "cannot be read"),
    (ONE.jwk(crv="P-257"), "cannot be read"),
    (ONE.jwk(x=None), "cannot be read"),
    (ONE.jwk(x=5), "cannot be read"),
    (ONE.jwk(x="????"), "cannot be read"),
    (ONE.jwk(y=ONE.jwk()["x"]), "cannot be read"),  # not on the curve
    (RSA.jwk(n=None), "cannot be read"),
    (RSA.jwk(n=""), "cannot be read"),
    (RSA.jwk(e="AQ"), "cannot be read"),
    ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "cannot be read"),
    ({"kty": "OKP", "crv": "X25519", "x": "A" * 43}, "cannot be read"),
    (SigningKey("k", "ES256K", ec.generate_private_key(ec.SECP256K1())).jwk(), "type is none of"),
    (SigningKey("k", "RS256", rsa_key(1024)).jwk(), "bits, not 1024"),
    (private_jwk(ONE), "private key"),
    (private_jwk(RSA), "private key"),
]


@pytest.mark.parametrize(("jwk", "reason"), UNUSABLE)
def test_a_key_that_cannot_be_used_is_left_out_and_said(jwk: Any, reason: str) -> None:
    """It does not drop the others; shared secrets and private keys are never taken from a published set."""
    keys, skipped = parse({"keys": [jwk, signing_key("two").jwk(), jwk]})
    assert [key.kid for key in keys] == ["two"]
    assert [text.partition(":")[0] for text in skipped] == ["key 0", "key 2"]
    assert reason in skipped[0]


def test_what_is_said_shows_no_key() -> None:
    """Neither a secret that should not be there nor a private key."""
    secret = {"kty": "oct", "k": SECRET, "kid": SECRET, "alg": "HS256"}
    _, skipped = parse({"keys": [secret, private_jwk(ONE), {**private_jwk(RSA), "kty": "EC"}]})
    assert len(skipped) == 3
    assert not any(text in str(skipped) for text in (SECRET, private_jwk(ONE)["d"], private_jwk(RSA)["d"]))


def test_of_a_huge_set_only_the_first_hundred_count() -> None:
    """Reading keys takes time; that there are more is said."""
    keys, skipped = parse({"keys": [ONE.jwk(kid=str(number)) for number in range(MAX_KEYS + 5)]})
    assert len(keys) == MAX_KEYS
    assert skipped == ["key 100 and later: there are more than 100"]


@pytest.mark.parametrize("document", [None, [], "x", 5, {}, {"keys": None}, {"keys": {}}, {"keys": "x"}, ONE.jwk()])
def test_what_is_no_set_is_refused(document: Any) -> None:
    """An error page in JSON is not a set without keys, which would make every key disappear."""
    with pytest.raises(Unusable, match="no JWK set"):
        parse(document)


def test_a_set_may_be_empty() -> None:
    """That is how an issuer takes back all its keys."""
    assert parse({"keys": []}) == ([], [])


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.lists(st.text(max_size=4), max_size=3),
)
NAMES = ["kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid", "oth", "p"]


@settings(max_examples=300, deadline=None)
@given(
    key=st.sampled_from([ONE, RSA, signing_key("ed", "EdDSA")]), changes=st.dictionaries(st.sampled_from(NAMES), VALUES)
)
def test_any_jwk_is_taken_or_left_out(key: SigningKey, changes: dict[str, Any]) -> None:
    """And never fails in another way, whatever its members are."""
    keys, skipped = parse({"keys": [{**key.jwk(), **changes}]})
    assert len(keys) + len(skipped) == 1
