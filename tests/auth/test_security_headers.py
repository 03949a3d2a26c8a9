"""Lines 6 and 7 of the security checklist: names of keys, extensions, and members that come twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import AUDIENCE, Issuer, SigningKey, forge, signing_key
from tests.auth.refusals import Named, refusal, verifier

NO_NAMES: list[Any] = [
    "",
    "x" * 256,
    "é" * 128,
    "one\x00",
    "\x00",
    "a\nb",
    "a\u202eb",
    5,
    1.5,
    True,
    ["one"],
    {"one": 1},
]
NAMES = [
    "../../../../dev/null",
    "/etc/passwd",
    "file:///etc/passwd",
    "https://evil.example/key.pem",
    "' OR 1=1 --",
    "'; DROP TABLE keys; --",
    "one\u0301",
    "ONE",
    "$(id)",
    "{{7*7}}",
    "__proto__",
]


@pytest.mark.parametrize("kid", NO_NAMES)
async def test_6_what_cannot_be_a_name_is_not_even_looked_up(kid: object) -> None:
    """6: A `kid` that is no short visible text is refused without asking where keys come from."""
    issuer, keys = Issuer(), Named(signing_key())
    with pytest.raises(NotAuthenticated) as caught:
        await verifier(keys, issuer.clock).verify(issuer.token(header={"kid": kid}))
    assert caught.value.cause == "unknown-key"
    assert keys.asked == []


async def test_6_a_name_of_null_is_not_a_missing_one() -> None:
    """6: It is refused, although without a name the only key would do."""
    issuer = Issuer()
    token = forge({**issuer.header(), "kid": None}, issuer.claims(), issuer.key.sign)
    assert (await refusal(token, issuer)).cause == "unknown-key"


async def test_6_a_name_of_a_megabyte_is_refused() -> None:
    """6: The token as a whole is too long to be read."""
    issuer = Issuer()
    assert (await refusal(issuer.token(header={"kid": "k" * 1_000_000}), issuer)).cause == "malformed-token"


@pytest.mark.parametrize("kid", NAMES)
async def test_6_a_name_is_compared_and_nothing_else(kid: str) -> None:
    """6: A path, a URL or SQL is a name like any other: nobody has it."""
    issuer = Issuer()
    assert (await refusal(issuer.token(header={"kid": kid}), issuer)).cause == "unknown-key"


async def test_6_without_a_name_there_has_to_be_one_key_only() -> None:
    """6: Of several keys for the algorithm none is tried; keys for other algorithms do not count."""
    issuer = Issuer()
    token = issuer.token(header={"kid": None})
    other, rsa = signing_key("two"), signing_key("three", "RS256")
    assert (await refusal(token, issuer, issuer.key, other)).cause == "ambiguous-key"
    await verifier(Named(issuer.key, rsa), issuer.clock).verify(token)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t"])
async def test_6_keys_that_a_token_brings_itself_are_ignored(name: str) -> None:
    """6: A token signed with its own key is refused; and what it brings does not make a good one bad."""
    issuer, evil = Issuer(), SigningKey("one", "ES256", signing_key("evil").private)
    brought = {"jwk": evil.jwk(), "x5c": [evil.pem()]}.get(name, "https://evil.example/jwks.json")
    forged = Issuer(issuer.clock, evil).token(header={name: brought})
    assert (await refusal(forged, issuer)).cause == "bad-signature"
    await verifier(Named(issuer.key), issuer.clock).verify(issuer.token(header={name: brought}))


CRITICAL: list[dict[str, Any]] = [
    {"crit": ["exp"]},
    {"crit": []},
    {"crit": ["b64"], "b64": True},
    {"crit": ["b64"], "b64": False},
    {"b64": False},
    {"b64": True},
    {"crit": "exp"},
    {"crit": 5},
    {"crit": ["https://example.com/ext"], "https://example.com/ext": 1},
]


@pytest.mark.parametrize("extra", CRITICAL)
async def test_7_a_token_that_asks_for_an_extension_is_refused(extra: dict[str, Any]) -> None:
    """7: `crit` says that who does not understand must refuse; an unencoded payload is not understood."""
    issuer = Issuer()
    assert (await refusal(issuer.token(header=extra), issuer)).cause == "unsupported-crit"


def doubled(content: dict[str, Any], name: str, value: object) -> bytes:
    """Return JSON with a member twice."""
    return json.dumps(content).encode()[:-1] + f", {json.dumps(name)}: {json.dumps(value)}}}".encode()


@pytest.mark.parametrize(
    ("name", "value"), [("alg", "ES256"), ("kid", "one"), ("typ", "JWT"), ("alg", "none"), ("kid", "two")]
)
async def test_7_a_header_with_a_member_twice_is_refused(name: str, value: str) -> None:
    """7: Whichever counts, somebody else takes the other; even if both are the same."""
    issuer = Issuer()
    token = forge(doubled(issuer.header(), name, value), issuer.claims(), issuer.key.sign)
    assert (await refusal(token, issuer)).cause == "malformed-token"


@pytest.mark.parametrize(("name", "value"), [("sub", "user:default/root"), ("exp", 9e9), ("aud", AUDIENCE)])
async def test_7_claims_with_a_member_twice_are_refused(name: str, value: object) -> None:
    """7: Even if it is written in another way."""
    issuer = Issuer()
    twice = doubled(issuer.claims(), name, value)
    escaped = twice[: twice.rindex(b'"' + name.encode())] + b'"\\u%04x%b"' % (ord(name[0]), name[1:].encode())
    escaped += b": 1}"
    inside = json.dumps({**issuer.claims(), "deep": 0}).encode().replace(b'"deep": 0', b'"deep": [{"a": 1, "a": 1}]')
    for claims in (twice, escaped, inside):
        token = forge(issuer.header(), claims, issuer.key.sign)
        error = await refusal(token, issuer)
        assert (error.cause, "twice" in error.detail) == ("malformed-token", True)
