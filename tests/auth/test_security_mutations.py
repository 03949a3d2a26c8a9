"""Line 7 of the security checklist: a token has one text only, and whatever is no token is refused in the one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sse_signals.auth.causes import HINTS
from sse_signals.auth.static_keys import StaticKeys, secret_key
from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import SECRET, Issuer, forge, signing_key

if TYPE_CHECKING:
    from collections.abc import Callable

from contextlib import nullcontext

from tests.auth.refusals import verifier

GOOD = {algorithm: Issuer(key=signing_key("one", algorithm)) for algorithm in ("ES256", "EdDSA", "HS256")}
TOKENS = {algorithm: issuer.token() for algorithm, issuer in GOOD.items()}
SOURCES = {
    "ES256": StaticKeys([signing_key().public]),
    "EdDSA": StaticKeys([signing_key("one", "EdDSA").public]),
    "HS256": StaticKeys([secret_key(SECRET)]),
}


async def check_refused(algorithm: str, token: str) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        await verifier(SOURCES[algorithm], GOOD[algorithm].clock).verify(token)
    assert caught.value.cause in HINTS


@pytest.mark.parametrize("algorithm", SOURCES)
async def test_7_no_bit_of_a_token_can_be_changed(algorithm: str) -> None:
    """7: A token has one text: every single bit of it matters, in header, claims and signature."""
    token = TOKENS[algorithm]
    await verifier(SOURCES[algorithm], GOOD[algorithm].clock).verify(token)
    for place, char in enumerate(token):
        for bit in range(8):
            await check_refused(algorithm, token[:place] + chr(ord(char) ^ (1 << bit)) + token[place + 1 :])


def _replaced(token: str, place: int, char: str) -> str:
    return token[:place] + char + token[place + 1 :]


def _inserted(token: str, place: int, char: str) -> str:
    return token[:place] + char + token[place:]


def _cut(token: str, place: int, _char: str) -> str:
    return token[:place]


def _dropped(token: str, place: int, _char: str) -> str:
    return token[:place] + token[place + 1 :]


def _swapped(token: str, place: int, _char: str) -> str:
    return token[place:] + token[:place]


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    algorithm=st.sampled_from(sorted(SOURCES)),
    place=st.integers(0, 2000),
    char=st.one_of(st.sampled_from("AZaz09-_=.+/ \n\x00"), st.characters()),
    change=st.sampled_from([_replaced, _inserted, _cut, _dropped, _swapped]),
)
async def test_7_no_text_but_a_token_is_that_token(
    algorithm: str, place: int, char: str, change: Callable[[str, int, str], str]
) -> None:
    """7: Whatever is replaced, put in, cut or moved: it is refused, and never by another exception."""
    token = TOKENS[algorithm]
    other = change(token, place % len(token), char)
    if other != token:
        await check_refused(algorithm, other)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(header=st.binary(max_size=80), claims=st.binary(max_size=200))
async def test_7_no_bytes_in_a_signed_token_fail_otherwise(header: bytes, claims: bytes) -> None:
    """7: Any bytes as header or claims, rightly signed, are refused in the one way."""
    issuer = GOOD["HS256"]
    await check_refused("HS256", forge(issuer.header(), claims, issuer.key.sign))
    await check_refused("HS256", forge(header, issuer.claims(), issuer.key.sign))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    header=st.dictionaries(st.sampled_from(["alg", "typ", "kid", "crit", "b64", "x"]), JSON, max_size=3),
    claims=st.dictionaries(st.sampled_from(["exp", "nbf", "iat", "iss", "aud", "sub", "x"]), JSON, max_size=4),
)
async def test_7_no_value_in_a_signed_token_fails_otherwise(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """7: Any JSON value as any member, rightly signed, is accepted or refused, and never another exception."""
    issuer = GOOD["HS256"]
    token = forge({**issuer.header(), **header}, {**issuer.claims(), **claims}, issuer.key.sign)
    strict = verifier(SOURCES["HS256"], issuer.clock)
    failed = [check.cause for check in await strict.inspect(token) if not check.passed]
    with pytest.raises(NotAuthenticated, match=failed[0]) if failed else nullcontext():
        await strict.verify(token)
