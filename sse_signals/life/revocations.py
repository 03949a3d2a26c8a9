"""Revocations: who, or what proof of who somebody is, is refused from now on, on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

import orjson

from sse_signals.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState

Kind = Literal["subject", "token", "stream"]
KINDS: Final = ("subject", "token", "stream")
FOR_EVER: Final = 10 * 365 * 86_400.0  # seconds; an API key does not expire, so neither does its revocation
_PREFIX: Final = "revoked/"
_KEY_SUBJECT: Final = "key:"
_UNNAMED: Final = "sha256:"  # a token without a name of its own may be an API key


@dataclass(frozen=True, slots=True)
class Revocation:
    """One decision to let somebody in no longer.

    Attributes:
        kind: ``subject`` for everything that was issued to it until then, ``token`` for one token by its id, ``stream``
            for an open stream and the token that opened it.
        name: Which.
        at_ms: When, in milliseconds since 1970-01-01 UTC.
    """

    kind: Kind
    name: str
    at_ms: int

    def encode(self) -> bytes:
        """Return it as JSON text."""
        return orjson.dumps({"kind": self.kind, "name": self.name, "at": self.at_ms})

    @classmethod
    def decode(cls, text: bytes) -> Revocation:
        """Read what `encode` has written.

        Raises:
            ValueError: It is something else.
        """
        return cls.of(orjson.loads(text))

    @classmethod
    def of(cls, value: Any) -> Revocation:
        """Return the revocation that a JSON object describes.

        Raises:
            ValueError: It describes none.
        """
        if not isinstance(value, dict) or value.get("kind") not in KINDS:
            raise ValueError("it is no revocation")
        return cls(value["kind"], str(value["name"]), int(value["at"]))


class Revocations:
    """What is revoked: this node's copy of what all nodes know.

    Attributes:
        changes: How often something was added.
    """

    def __init__(self, state: SharedState, *, lifetime: float, clock: Callable[[], int]) -> None:
        """Make an empty copy.

        Args:
            state: Where revocations are kept.
            lifetime: Seconds that the longest accepted token lives; a revocation is kept as long.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._state = state
        self._lifetime = lifetime
        self._clock = clock
        self._held: dict[tuple[Kind, str], Revocation] = {}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._held)

    async def load(self) -> None:
        """Read what all nodes know, and forget what is over.

        Raises:
            BrokerUnavailable: It cannot be read.
        """
        for _, text in await self._state.items(_PREFIX):
            self.note(Revocation.decode(text))
        now_ms = self._clock()
        self._held = {key: each for key, each in self._held.items() if now_ms < self._until(each)}

    async def keep(self, revocation: Revocation) -> None:
        """Refuse from now on, here and on nodes that start later.

        Raises:
            BrokerUnavailable: It cannot be kept, and so is not in force.
        """
        key = f"{_PREFIX}{revocation.kind}/{quote(revocation.name, safe='')}"
        await self._state.put(key, revocation.encode(), self._seconds(revocation))
        self.note(revocation)

    def note(self, revocation: Revocation) -> None:
        """Take over what another node has decided."""
        key = (revocation.kind, revocation.name)
        known = self._held.get(key)
        if known is None or known.at_ms < revocation.at_ms:
            self._held[key] = revocation
            self.changes += 1

    def check(self, identity: Identity) -> None:
        """Refuse whoever is revoked.

        Raises:
            NotAuthenticated: With the cause ``revoked``.
        """
        if self.refuses(identity):
            raise NotAuthenticated(
                "revoked", "What was shown has been revoked.", hint="Sign in again, or ask the operator of the hub."
            )

    def refuses(self, identity: Identity) -> bool:
        """Say whether an identity is revoked; a token of which nobody knows when it was issued counts as old."""
        if not self._held:
            return False
        if identity.token_id is not None and self._in_force("token", identity.token_id):
            return True
        revocation = None if identity.subject is None else self._in_force("subject", identity.subject)
        return revocation is not None and (identity.issued_ms is None or identity.issued_ms <= revocation.at_ms)

    def _in_force(self, kind: Kind, name: str) -> Revocation | None:
        revocation = self._held.get((kind, name))
        return None if revocation is None or self._clock() >= self._until(revocation) else revocation

    def _until(self, revocation: Revocation) -> float:
        return revocation.at_ms + self._seconds(revocation) * 1000

    def _seconds(self, revocation: Revocation) -> float:
        endless = revocation.name.startswith((_KEY_SUBJECT, _UNNAMED))
        return FOR_EVER if endless else self._lifetime
