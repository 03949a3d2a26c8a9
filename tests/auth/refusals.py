"""How a token is verified, and how it must be refused, in the tests of this package."""

from __future__ import annotations

from typing import Any

import pytest

from sse_signals.auth.causes import HINTS
from sse_signals.auth.keys import Key, KeySet, KeySource
from sse_signals.auth.verifier import Verifier
from sse_signals.errors import NotAuthenticated
from tests.auth.issuer import AUDIENCE, ISSUER, Clock, Issuer, SigningKey

KINDS = ["ES256", "ES384", "ES512", "RS256", "PS256", "EdDSA", "HS256"]
HOUR = 3600


class Named:
    """Keys that are found by name only, and a note of every name that was asked for."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = KeySet(key.public for key in keys)
        self.asked: list[str | None] = []

    async def find(self, kid: str | None, algorithm: str) -> Key:
        self.asked.append(kid)
        return self.keys.find(kid, algorithm)


def verifier(keys: KeySource, clock: Clock, **options: Any) -> Verifier:
    wanted = {"types": ["JWT"], "issuers": [ISSUER], "audiences": [AUDIENCE], "clock": clock, **options}
    return Verifier(keys, **wanted)


async def refusal(token: str, issuer: Issuer, *keys: SigningKey, **options: Any) -> NotAuthenticated:
    """Return how a token is refused, by `verify` and `inspect` alike."""
    strict = verifier(Named(*(keys or (issuer.key,))), issuer.clock, **options)
    with pytest.raises(NotAuthenticated) as caught:
        await strict.verify(token)
    failed = [check for check in await strict.inspect(token) if check.passed is False]
    assert (failed[0].cause, failed[0].detail) == (caught.value.cause, caught.value.detail)
    assert caught.value.hint == HINTS[caught.value.cause]
    return caught.value
