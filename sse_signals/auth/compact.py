"""The compact form of a JSON Web Token (RFC 7515, section 3.1), read strictly, so that it has one meaning only."""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.auth.causes import refused, unrecognised
from sse_signals.messages import MAX_DEPTH, deeper_than

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TOKEN: Final = 8 * 1024  # bytes
_ALPHABET: Final = re.compile("[A-Za-z0-9_-]*")  # RFC 4648, section 5, without padding


@dataclass(frozen=True, slots=True)
class Peeked:
    """What a token says, before anybody knows whether it is true.

    Attributes:
        header: Its header's members.
        claims: Its claims.
        signature: Its signature.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    signature: bytes = field(repr=False)


def peek(token: str) -> Peeked:
    """Read a token without verifying it.

    Raises:
        NotRecognised: It is no JWT at all.
        NotAuthenticated: It is one, but too long or broken (``malformed-token``).
    """
    parts = token.split(".")
    header = _decoded(parts[0]) if len(token) <= MAX_TOKEN else None
    looks_like_one = len(parts) == 3 and parts[0].startswith("e")  # "{" in base64url
    if len(token) > MAX_TOKEN and looks_like_one:
        raise refused("malformed-token", f"The token is longer than {MAX_TOKEN} bytes.")
    if not looks_like_one or header is None or not header.startswith(b"{"):
        raise unrecognised("malformed-token", "This is not a signed JWT.")
    claims, signature = (_decoded(part) for part in parts[1:])
    if claims is None:
        raise refused("malformed-token", "The token's second part is not base64url in its one form.")
    if signature is None:
        raise refused("malformed-token", "The token's signature is not base64url in its one form.")
    return Peeked(_members(header, "header"), _members(claims, "claims"), signature)


def _decoded(part: str) -> bytes | None:
    """Return what a part stands for, or None; padding, or bits that mean nothing, would give one token two texts."""
    if not _ALPHABET.fullmatch(part):
        return None
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        return None
    return data if base64.urlsafe_b64encode(data).rstrip(b"=") == part.encode() else None


def _members(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)  # stricter than the standard library: UTF-8, no lone surrogates, no NaN or infinity
    except orjson.JSONDecodeError:
        raise refused("malformed-token", f"The token's {what} is not JSON.") from None
    if not isinstance(value, dict):
        raise refused("malformed-token", f"The token's {what} is not a JSON object.")
    if deeper_than(text, MAX_DEPTH):
        raise refused("malformed-token", f"The token's {what} is nested deeper than {MAX_DEPTH} levels.")
    try:
        members: dict[str, Any] = json.loads(text, object_pairs_hook=_once)
    except ValueError:
        raise refused("malformed-token", f"The token's {what} has a member twice.") from None
    return members


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate")
    return members
