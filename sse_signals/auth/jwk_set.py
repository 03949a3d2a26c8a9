"""A JWK set (RFC 7517, section 5) as keys: whatever cannot be used is left out, and said."""

from __future__ import annotations

from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK, PyJWTError

from sse_signals.auth.causes import quoted
from sse_signals.auth.keys import Key
from sse_signals.auth.static_keys import pinned

MAX_KEYS: Final = 100
_KINDS: Final = {"EC": "ES256", "RSA": "RS256", "OKP": "EdDSA"}  # the algorithm only tells PyJWK which parser to use


class Unusable(ValueError):
    """A JWK, or a set of them, that nothing can be verified with; the text says why."""


def parse(document: Any) -> tuple[list[Key], list[str]]:
    """Return the keys of a set that signatures can be verified with, and why others were left out.

    Args:
        document: The set as JSON.

    Raises:
        Unusable: It is no JWK set.
    """
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise Unusable("it is no JWK set: an object whose 'keys' is an array")
    keys: list[Key] = []
    skipped: list[str] = []
    for index, entry in enumerate(entries[:MAX_KEYS]):
        try:
            keys.append(_key(entry))
        except Unusable as error:
            skipped.append(f"key {index}: {error}")
    if len(entries) > MAX_KEYS:
        skipped.append(f"key {MAX_KEYS} and later: there are more than {MAX_KEYS}")
    return keys, skipped


def _key(jwk: Any) -> Key:
    if not isinstance(jwk, dict):
        raise Unusable("it is not an object")
    kind = jwk.get("kty")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Unusable("its kty is none of EC, RSA and OKP")  # "oct" is a secret, which nobody publishes
    if "d" in jwk:
        raise Unusable("it is a private key, which nobody may publish")
    if jwk.get("use", "sig") != "sig":
        raise Unusable("its use is not 'sig'")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise Unusable("its key_ops have no 'verify'")
    kid, algorithm = jwk.get("kid"), jwk.get("alg")
    if not isinstance(kid, str | None) or not isinstance(algorithm, str | None):
        raise Unusable("its kid or alg is not text")
    material = _material(jwk, _KINDS[kind])
    try:
        return Key(kid, pinned(material, algorithm), material)
    except ValueError as error:
        raise Unusable(f"{error} ({'it has no kid' if kid is None else quoted(kid)})") from None


def _material(jwk: dict[str, Any], parser: str) -> object:
    try:
        return PyJWK(jwk, parser).key
    except (PyJWTError, UnsupportedAlgorithm, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unusable(f"it cannot be read ({type(error).__name__})") from None
