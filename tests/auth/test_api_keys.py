from __future__ import annotations

import contextlib
import hashlib
import hmac
import re

import pytest

from sse_signals.auth.api_keys import ApiKeys, new_key
from sse_signals.errors import NotAuthenticated, NotRecognised
from sse_signals.identity import Identity
from sse_signals.interfaces import Credentials


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def test_a_key_tells_who_shows_it() -> None:
    """Each key is its own subject, which owns nothing, may do nothing by itself, and does not expire."""
    keys = {name: new_key() for name in ("ci", "deploy")}
    door = ApiKeys({name: digest for name, (_, digest) in keys.items()})
    for name, (key, digest) in keys.items():
        token_id = f"sha256:{digest[:32]}"
        assert await door.authenticate(Credentials(key)) == Identity(f"key:{name}", token_id=token_id, issuer="keys")


async def test_a_key_is_the_same_identity_each_time() -> None:
    """What a hub has made of it once, such as what its rules grant, need not be made again."""
    key, digest = new_key()
    door = ApiKeys({"ci": digest})
    assert await door.authenticate(Credentials(key)) is await door.authenticate(Credentials(key))


@pytest.mark.parametrize("token", ["", "ssx_abc", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "SSE_abc", " sse_abc", "\udcff"])
async def test_what_is_no_key_is_left_to_others(token: str) -> None:
    """It may be another authenticator's."""
    with pytest.raises(NotRecognised):
        await ApiKeys({"ci": new_key()[1]}).authenticate(Credentials(token))


async def test_an_unknown_key_is_refused() -> None:
    """Another key, a part of one, one with more or in other letters: refused, and not shown."""
    key, digest = new_key()
    door = ApiKeys({"ci": digest.upper()})
    assert (await door.authenticate(Credentials(key))).subject == "key:ci"
    for token in (new_key()[0], key[:-1], key + "A", key.swapcase().replace("SSE_", "sse_"), "sse_", "sse_\udcff"):
        with pytest.raises(NotAuthenticated) as caught:
            await door.authenticate(Credentials(token))
        assert caught.value.cause == "unknown-api-key"
        assert caught.value.hint
        assert not isinstance(caught.value, NotRecognised)
        assert token == "sse_" or token not in str(caught.value)


async def test_12_keys_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """12: Whatever is shown is compared with every key, by `hmac.compare_digest`, hash by hash."""
    compared: list[tuple[bytes, bytes]] = []
    original = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    keys = [new_key() for _ in range(5)]
    door = ApiKeys({str(number): digest for number, (_, digest) in enumerate(keys)})
    for token in (keys[0][0], keys[4][0], new_key()[0], "sse_short"):
        compared.clear()
        with contextlib.suppress(NotAuthenticated):
            await door.authenticate(Credentials(token))
        assert compared == [(bytes.fromhex(sha256(token)), bytes.fromhex(digest)) for _, digest in keys]


def test_44_a_key_has_256_random_bits() -> None:
    """44: It is what 32 random bytes give, with a beginning by which it is found, and no two are the same."""
    made = {new_key() for _ in range(100)}
    assert len({key for key, _ in made}) == 100
    for key, digest in made:
        assert re.fullmatch(r"sse_[A-Za-z0-9_-]{43}", key)
        assert digest == sha256(key)
    assert len({key[position] for key, _ in made for position in range(4, 46)}) == 64


async def test_44_a_secret_that_somebody_thought_of_is_no_key() -> None:
    """44: Only keys of the full length count, though the operator has written down the hash of another."""
    for weak in ("sse_secret", "sse_" + "a" * 42, "sse_" + "a" * 44, "sse_" + "." * 43, "sse_" + "a" * 43 + "\n"):
        with pytest.raises(NotAuthenticated, match="unknown-api-key"):
            await ApiKeys({"weak": sha256(weak)}).authenticate(Credentials(weak))


async def test_44_the_hub_holds_no_key() -> None:
    """44: It keeps SHA-256 sums only, and the sum is no key."""
    key, digest = new_key()
    door = ApiKeys({"ci": digest})
    await door.authenticate(Credentials(key))
    assert key not in repr(vars(door))
    for token in (digest, "sse_" + digest, "sse_" + digest[:43]):
        with pytest.raises(NotAuthenticated):
            await door.authenticate(Credentials(token))
