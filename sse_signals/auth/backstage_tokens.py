"""Backstage's tokens: their kinds, and what all of them have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.auth.causes import quoted, refused, unrecognised
from sse_signals.auth.checks import type_name
from sse_signals.auth.compact import peek

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.auth.keys import Key, KeySource

ISSUER: Final = "backstage"
USER: Final = "vnd.backstage.user"
LIMITED_USER: Final = "vnd.backstage.limited-user"
PLUGIN: Final = "vnd.backstage.plugin"
ALGORITHM: Final = "ES256"  # the only one that Backstage signs with


def kind_of(token: str) -> tuple[str, str]:
    """Return what kind of token it says it is, and whom it says it speaks of: nobody has verified it yet.

    Raises:
        NotRecognised: It is no Backstage token.
        NotAuthenticated: It is a JWT, but broken.
    """
    peeked = peek(token)
    said, subject = peeked.header.get("typ"), peeked.claims.get("sub")
    kind = type_name(said) if isinstance(said, str) else None
    if kind not in {USER, LIMITED_USER, PLUGIN}:
        raise unrecognised("wrong-type", "The token's 'typ' is none of Backstage's.")
    return kind, subject if isinstance(subject, str) else ""


def check_audience(claims: Mapping[str, Any]) -> None:
    """Check that ``aud`` is text: Backstage makes no arrays, so whoever made one meant others too.

    Raises:
        NotAuthenticated: ``wrong-audience``.
    """
    if not isinstance(claims.get("aud"), str | None):
        raise refused("wrong-audience", "The token's 'aud' is an array, which Backstage's never is.")


class Pinned:
    """Keys of Backstage, which are good for one algorithm: nothing is fetched for a token with another.

    Args:
        keys: All that Backstage publishes.
    """

    def __init__(self, keys: KeySource) -> None:
        self._keys = keys

    async def find(self, kid: str | None, algorithm: str) -> Key:
        """Return the key that a token names; see `sse_signals.auth.keys.KeySource.find`."""
        if algorithm != ALGORITHM:
            raise refused("wrong-algorithm", f"The token says {quoted(algorithm)}; Backstage signs with {ALGORITHM}.")
        return await self._keys.find(kid, algorithm)
