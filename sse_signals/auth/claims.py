"""What verified claims say of somebody: who it is, what it owns, what it may do, and until when."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.causes import refused
from sse_signals.auth.grants_claim import read_grants
from sse_signals.errors import InvalidInput
from sse_signals.identity import Identity
from sse_signals.names import visible
from sse_signals.refs import entity_ref

if TYPE_CHECKING:
    from collections.abc import Mapping

_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z
_RESERVED: Final = ("plugin:", "key:")


def identity_of(
    claims: Mapping[str, Any],
    *,
    token: str,
    issuer: str,
    owns_claim: str = "ent",
    grants_claim: str = "signals",
) -> Identity:
    """Return who a verified token speaks of.

    It expires exactly at ``exp``: the leeway that verifying allows for does not prolong an open stream.

    Args:
        claims: The verified claims.
        token: The token itself, which gives the identity its ``token_id`` if there is no usable ``jti``.
        issuer: The name of the authenticator that vouches for it.
        owns_claim: The claim with an array of entity refs; without it the identity owns itself only.
        grants_claim: The claim with grants.

    Raises:
        NotAuthenticated: ``no-subject``, ``reserved-subject``, ``no-expiry``, ``bad-claims`` or ``bad-grants``.
    """
    subject = subject_of(claims)
    if subject.lower().startswith(_RESERVED):
        raise refused("reserved-subject", "The token's subject begins with 'plugin:' or 'key:'.")
    expires_ms = numeric_date(claims, "exp")
    if expires_ms is None:
        raise refused("no-expiry", "The token has no 'exp'.")
    return Identity(
        subject=subject,
        owns=_owned(claims, owns_claim) | _own_ref(subject),
        grants=read_grants(claims.get(grants_claim, {})),
        expires_ms=expires_ms,
        issued_ms=numeric_date(claims, "iat"),
        token_id=token_id(claims, token),
        issuer=issuer,
    )


def subject_of(claims: Mapping[str, Any]) -> str:
    """Return ``sub``: visible text of at most 255 bytes.

    Raises:
        NotAuthenticated: ``no-subject``, or ``bad-claims`` if it is no text.
    """
    subject = claims.get("sub")
    if subject is None:
        raise refused("no-subject", "The token has no 'sub'.")
    if not isinstance(subject, str):
        raise refused("bad-claims", "The token's 'sub' is not text.")
    try:
        return visible(subject, "sub")
    except InvalidInput as error:
        raise refused("no-subject", f"The token's 'sub' names nobody. {error.detail}") from None


def numeric_date(claims: Mapping[str, Any], name: str) -> int | None:
    """Return a time claim (RFC 7519, section 2, NumericDate) in milliseconds since 1970-01-01 UTC, rounded down.

    Raises:
        NotAuthenticated: ``bad-claims`` when it is no number, negative, or after the year 9999.
    """
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused("bad-claims", f"The token's {name!r} is not a number.")
    if not 0 <= value <= _LAST_SECOND:
        raise refused("bad-claims", f"The token's {name!r} is not a time in seconds between 1970 and 9999.")
    return int(Decimal(str(value)) * 1000)


def token_id(claims: Mapping[str, Any], token: str) -> str:
    """Return the name by which a token can be revoked: ``jti``, or else ``sha256:`` and 32 digits.

    The digits are those of what is signed, since an ECDSA signature can be changed into another one that is valid too.
    """
    try:
        return visible(claims.get("jti"), "jti")
    except InvalidInput:
        signed = token.rpartition(".")[0]
        return "sha256:" + hashlib.sha256(signed.encode()).hexdigest()[:32]


def _owned(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    refs = claims.get(name, [])
    if not isinstance(refs, list):
        raise refused("bad-claims", f"The token's {name!r} is not an array.")
    try:
        return frozenset(entity_ref(ref, name) for ref in refs)
    except InvalidInput as error:
        raise refused(
            "bad-claims", f"The token's {name!r} holds something else than entity refs. {error.detail}"
        ) from None


def _own_ref(subject: str) -> frozenset[str]:
    try:
        return frozenset({entity_ref(subject)})
    except InvalidInput:
        return frozenset()
