"""Tokens that were verified before, so that opening a stream again need not verify them again."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from sse_signals.clock import wall_clock_ms
from sse_signals.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.auth.keys import Key, KeySource
    from sse_signals.identity import Identity


class VerifiedTokens:
    """A bounded memory of verified tokens; it keeps their SHA-256, not the tokens.

    What it holds is good until the token expires, and only as long as its key is one. Revocations are not its business:
    they are looked up for every identity, remembered or not.

    Args:
        keys: Where the keys are.
        clock: Milliseconds since 1970-01-01 UTC.
        size: How many tokens it remembers; of more, the least recently used go.
    """

    def __init__(self, keys: KeySource, *, clock: Callable[[], int] = wall_clock_ms, size: int = 10_000) -> None:
        self._keys = keys
        self._clock = clock
        self._size = size
        self._known: OrderedDict[bytes, tuple[Identity, Key]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    async def get(self, token: str) -> Identity | None:
        """Return who a token speaks of, or None if it has to be verified.

        Raises:
            IssuerUnavailable: Nobody can tell whether its key is still one.
        """
        digest = _digest(token)
        entry = self._known.get(digest)
        if entry is None:
            return None
        identity, key = entry
        if identity.expired(self._clock()) or not await self._still_a_key(key):
            self._known.pop(digest, None)
            return None
        if digest in self._known:  # it may have gone while we waited
            self._known.move_to_end(digest)
        return identity

    def put(self, token: str, identity: Identity, key: Key) -> None:
        """Remember whom a token speaks of, which was verified with this key just now."""
        self._known[_digest(token)] = (identity, key)
        self._known.move_to_end(_digest(token))
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    async def _still_a_key(self, key: Key) -> bool:
        try:
            return await self._keys.find(key.kid, key.algorithm) == key
        except NotAuthenticated:
            return False


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
