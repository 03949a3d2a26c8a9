"""The memory of verified tokens."""

from __future__ import annotations

import pytest

from sse_signals.auth.keys import Key, KeySet
from sse_signals.auth.verified import VerifiedTokens
from sse_signals.errors import IssuerUnavailable
from sse_signals.identity import Identity
from tests.auth.issuer import Clock, signing_key
from tests.fakes import NOON

KEY = signing_key().public
JANE = Identity("user:default/jane", expires_ms=NOON + 1000)


class Keys:
    """A source of keys that a test changes."""

    def __init__(self, *keys: Key) -> None:
        self.keys: KeySet | None = KeySet(keys)

    async def find(self, kid: str | None, algorithm: str) -> Key:
        if self.keys is None:
            raise IssuerUnavailable("away")
        return self.keys.find(kid, algorithm)


def memory(keys: Keys | None = None, size: int = 3) -> tuple[VerifiedTokens, Clock]:
    clock = Clock()
    return VerifiedTokens(keys or Keys(KEY), clock=clock, size=size), clock


async def test_a_token_is_remembered_until_it_expires() -> None:
    """To the millisecond, without leeway; then it is forgotten."""
    tokens, clock = memory()
    assert await tokens.get("a") is None
    tokens.put("a", JANE, KEY)
    assert await tokens.get("a") is JANE
    clock.advance(0.999)
    assert await tokens.get("a") is JANE
    clock.advance(0.001)
    assert await tokens.get("a") is None
    assert len(tokens) == 0


@pytest.mark.parametrize("other", ["A", "a ", " a", "", "\ud800"])
async def test_another_text_is_another_token(other: str) -> None:
    """Whatever it looks like."""
    tokens, _ = memory()
    tokens.put("a", JANE, KEY)
    assert await tokens.get(other) is None


async def test_no_more_are_remembered_than_the_limit() -> None:
    """The least recently used goes first."""
    tokens, _ = memory(size=3)
    for token in "abc":
        tokens.put(token, JANE, KEY)
    assert await tokens.get("a") is JANE
    tokens.put("c", JANE, KEY)
    tokens.put("d", JANE, KEY)
    assert len(tokens) == 3
    assert [await tokens.get(token) is JANE for token in "abcd"] == [True, False, True, True]


async def test_no_token_is_kept() -> None:
    """Only its digest: a dump of memory, or a repr, shows none."""
    tokens, _ = memory()
    tokens.put("canary", JANE, KEY)
    assert "canary" not in f"{vars(tokens)}"


async def test_keys_that_nobody_can_tell_of_answer_for_nobody() -> None:
    """The token is not forgotten, since it may be good."""
    keys = Keys(KEY)
    tokens, _ = memory(keys)
    tokens.put("a", JANE, KEY)
    keys.keys = None
    with pytest.raises(IssuerUnavailable):
        await tokens.get("a")
    keys.keys = KeySet([KEY])
    assert await tokens.get("a") is JANE


async def test_what_goes_while_its_key_is_looked_up_does_no_harm() -> None:
    """Looking up a key may take a while, in which others need the place."""

    class Slow(Keys):
        async def find(self, kid: str | None, algorithm: str) -> Key:
            tokens.put("b", JANE, KEY)
            return await super().find(kid, algorithm)

    tokens, _ = memory(Slow(KEY), size=1)
    tokens.put("a", JANE, KEY)
    assert await tokens.get("a") is JANE
    assert len(tokens) == 1
    assert await tokens.get("a") is None
