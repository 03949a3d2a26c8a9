"""The checks of a token that need no key: its header's claims to be ours, and its claims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.causes import quoted, refused
from sse_signals.auth.claims import numeric_date, subject_of
from sse_signals.auth.keys import ALGORITHMS
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sse_signals.auth.compact import Peeked

MAX_LEEWAY: Final = 60.0  # seconds
MAX_LIFETIME: Final = 10 * 365 * 86_400.0  # seconds


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to be like.

    Attributes:
        types: What ``typ`` may be, in lower case; None for whatever it is.
        issuers: What ``iss`` may be; None for whatever it is.
        audiences: Of which ``aud`` has to name one; None for whatever it names.
        leeway_ms: Milliseconds that clocks may differ.
        lifetime_ms: Milliseconds that a token may be valid at most.
    """

    types: frozenset[str] | None
    issuers: frozenset[str] | None
    audiences: frozenset[str] | None
    leeway_ms: int
    lifetime_ms: int


def names(given: Collection[str] | None, what: str) -> frozenset[str] | None:
    """Return some names as a set.

    Raises:
        ConfigurationError: There are none, or it is one text, which is a collection of letters.
    """
    if given is None:
        return None
    if isinstance(given, str) or not given or not all(given):
        raise ConfigurationError(f"{what} are a list of texts, at least one and none empty, or None for any")
    return frozenset(given)


def extensions(peeked: Peeked, _expected: Expected, _now_ms: int) -> str:
    """Check that the header asks for no extension (RFC 7515, section 4.1.11, and RFC 7797)."""
    for name in ("crit", "b64"):
        if name in peeked.header:
            raise refused("unsupported-crit", f"The token's header has {name!r}.")
    return "The header asks for no extension."


def algorithm(peeked: Peeked, _expected: Expected, _now_ms: int) -> str:
    """Check that the token is signed at all, in a way that is known here."""
    said = peeked.header.get("alg")
    if not isinstance(said, str):
        raise refused("wrong-algorithm", "The token's header has no 'alg'.")
    if said not in ALGORITHMS:
        detail = "The token is not signed." if said.lower() == "none" else f"{quoted(said)} is not known here."
        raise refused("wrong-algorithm", detail)
    if not peeked.signature:
        raise refused("wrong-algorithm", "The token's signature is empty.")
    return f"The header says {said}."


def kind(peeked: Peeked, expected: Expected, _now_ms: int) -> str:
    """Check ``typ`` (RFC 7515, section 4.1.9): without regard to case, ``application/`` may be left out."""
    if expected.types is None:
        return "Any type is accepted here."
    said = peeked.header.get("typ")
    wanted = " or ".join(sorted(expected.types))
    if not isinstance(said, str):
        raise refused("wrong-type", f"The token's header has no 'typ'; it has to be {wanted}.")
    if type_name(said) not in expected.types:
        raise refused("wrong-type", f"The token's type is {quoted(said)}; it has to be {wanted}.")
    return f"The type is {quoted(said)}."


def type_name(text: str) -> str:
    """Return a ``typ`` as it is compared."""
    return text.lower().removeprefix("application/")


def expiry(peeked: Peeked, expected: Expected, now_ms: int) -> str:
    """Check ``exp`` (RFC 7519, section 4.1.4), which has to be there."""
    expires_ms = _expires_ms(peeked.claims)
    if now_ms >= expires_ms + expected.leeway_ms:
        raise refused("expired", f"The token expired {(now_ms - expires_ms) // 1000} s ago.")
    return f"It expires in {(expires_ms - now_ms) // 1000} s."


def start(peeked: Peeked, expected: Expected, now_ms: int) -> str:
    """Check ``nbf`` and ``iat`` (RFC 7519, sections 4.1.5 and 4.1.6): neither may be in the future."""
    for name, says in (("nbf", "is valid"), ("iat", "is issued")):
        time_ms = numeric_date(peeked.claims, name)
        if time_ms is not None and time_ms > now_ms + expected.leeway_ms:
            raise refused("not-yet-valid", f"The token {says} only in {-(-(time_ms - now_ms) // 1000)} s ({name!r}).")
    return "It is valid already."


def lifetime(peeked: Peeked, expected: Expected, now_ms: int) -> str:
    """Check that it is not valid for longer than anybody remembers revocations."""
    expires_ms, issued_ms = _expires_ms(peeked.claims), numeric_date(peeked.claims, "iat")
    limit = f"; the limit is {expected.lifetime_ms // 1000} s"
    if expires_ms > now_ms + expected.lifetime_ms + expected.leeway_ms:
        raise refused("too-long-lived", f"The token is valid for another {(expires_ms - now_ms) // 1000} s{limit}.")
    if issued_ms is not None and expires_ms - issued_ms > expected.lifetime_ms:
        raise refused("too-long-lived", f"The token is valid for {(expires_ms - issued_ms) // 1000} s{limit}.")
    return "It is not valid for too long."


def issuer(peeked: Peeked, expected: Expected, _now_ms: int) -> str:
    """Check ``iss`` (RFC 7519, section 4.1.1), to the letter."""
    if expected.issuers is None:
        return "Any issuer is accepted here."
    said = _text(peeked.claims, "iss")
    wanted = " or ".join(sorted(expected.issuers))
    if said is None:
        raise refused("wrong-issuer", f"The token has no 'iss'; it has to be {wanted}.")
    if said not in expected.issuers:
        raise refused("wrong-issuer", f"The token's issuer is {quoted(said)}; it has to be {wanted}.")
    return f"The issuer is {quoted(said)}."


def audience(peeked: Peeked, expected: Expected, _now_ms: int) -> str:
    """Check ``aud`` (RFC 7519, section 4.1.3): a text, or an array of texts that holds one of ours."""
    said = _audience(peeked.claims)
    if expected.audiences is None:
        return "Any audience is accepted here."
    wanted = " or ".join(sorted(expected.audiences))
    if said is None:
        raise refused("wrong-audience", f"The token has no 'aud'; it has to be {wanted}.")
    if expected.audiences.isdisjoint(said):
        shown = quoted(", ".join(said))
        raise refused("wrong-audience", f"The token's audience is {shown}; it has to be {wanted}.")
    return "The audience is this hub."


def subject(peeked: Peeked, _expected: Expected, _now_ms: int) -> str:
    """Check ``sub`` (RFC 7519, section 4.1.2), which has to be there."""
    subject_of(peeked.claims)
    return "The token names somebody."


def _expires_ms(claims: Mapping[str, Any]) -> int:
    expires_ms = numeric_date(claims, "exp")
    if expires_ms is None:
        raise refused("no-expiry", "The token has no 'exp'.")
    return expires_ms


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if not isinstance(value, str | None):
        raise refused("bad-claims", f"The token's {name!r} is not text.")
    return value


def _audience(claims: Mapping[str, Any]) -> list[str] | None:
    value = claims.get("aud")
    if isinstance(value, str):
        return [value]
    if value is not None and not (isinstance(value, list) and all(isinstance(text, str) for text in value)):
        raise refused("bad-claims", "The token's 'aud' is neither text nor an array of texts.")
    return value
