"""API keys: 256 random bits that a publisher shows, of which the hub only knows the SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import TYPE_CHECKING, Final

from sse_signals.errors import NotAuthenticated, NotRecognised
from sse_signals.identity import Identity
from sse_signals.rules import API_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.interfaces import Credentials

ISSUER: Final = "keys"
START: Final = "sse_"  # so that people, and programs that look for leaked secrets, know what they found
_SHAPE: Final = re.compile(r"sse_[A-Za-z0-9_-]{43}")
_UNKNOWN: Final = "unknown-api-key"


def new_key() -> tuple[str, str]:
    """Make an API key of 256 random bits.

    Returns:
        The key, a secret for its owner alone, and its SHA-256 in hexadecimal digits, for the hub.
    """
    key = START + secrets.token_urlsafe(32)
    return key, hashlib.sha256(key.encode()).hexdigest()


class ApiKeys:
    """An authenticator of API keys. A key's owner owns nothing, and what it may do stands in rules."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        """Take the keys.

        Args:
            hashes: The SHA-256 of each key, 64 hexadecimal digits, by the key's name.
        """
        self._owners = tuple(_owner(name, bytes.fromhex(text)) for name, text in hashes.items())

    async def authenticate(self, credentials: Credentials) -> Identity:
        """Return who shows a key: subject ``key:<name>``, with no end and no grants of its own.

        Raises:
            NotRecognised: It is no API key.
            NotAuthenticated: It is none of those that are known.
        """
        if not credentials.token.startswith(START):
            raise NotRecognised("unknown-type", "This is no API key.", hint=f"API keys begin with {START!r}.")
        # No key is looked up by its digest, and none is left out once one was found: the time tells nothing.
        shown = hashlib.sha256(credentials.token.encode(errors="surrogatepass")).digest()
        owners = [owner for digest, owner in self._owners if hmac.compare_digest(shown, digest)]
        # A secret that somebody has thought of could be guessed from its SHA-256.
        if not owners or not _SHAPE.fullmatch(credentials.token):
            raise NotAuthenticated(
                _UNKNOWN,
                "This API key is not known.",
                hint="Check that it is complete and was not replaced; its SHA-256 has to stand in the hub's rules.",
            )
        return owners[0]  # the same object each time, so that rules are applied to it once


def _owner(name: str, digest: bytes) -> tuple[bytes, Identity]:
    """Return the SHA-256 of a key, and who shows that key."""
    return digest, Identity(API_KEY + name, token_id=f"sha256:{digest.hex()[:32]}", issuer=ISSUER)
