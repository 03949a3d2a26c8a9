"""Revocations: who, or what proof of who somebody is, is refused from now on, on every node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

import orjson

from sse_signals.errors import NotAuthenticated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState

Kind = Literal["subject", "token", "stream"]
KINDS: Final = ("subject", "token", "stream")
FOR_EVER: Final = 10 * 365 * 86_400.0  # seconds; an API key does not expire, so neither does its revocation
_PREFIX: Final = "revoked/"
_SLICE: Final = 200  # revocations read before the loop goes round
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
        try:
            return cls(value["kind"], str(value["name"]), int(value["at"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"it is no revocation: {error!r}") from None


class Revocations:
    """What is revoked: this node's copy of what all nodes know.

    Attributes:
        news: What was added and is still to be enforced, by whoever has streams that it may concern.
        noted: How many this node has learnt.
    """

    def __init__(self, state: SharedState, *, lifetime: float, clock: Callable[[], int], leeway: float = 0.0) -> None:
        """Make an empty copy.

        Args:
            state: Where revocations are kept.
            lifetime: Seconds that the longest accepted token lives; a revocation is kept as long.
            clock: Returns milliseconds since 1970-01-01 UTC.
            leeway: Seconds by which the clock of an issuer may be ahead: what is issued so soon after a revocation may
                have been issued before it.
        """
        self._leeway_ms = round(leeway * 1000)
        self._state = state
        self._lifetime = lifetime
        self._clock = clock
        self._held: dict[tuple[Kind, str], Revocation] = {}
        self._unreadable: set[str] = set()
        self.news: list[Revocation] = []
        self.noted = 0

    def __len__(self) -> int:
        return len(self._held)

    async def load(self) -> Sequence[str]:
        """Read what all nodes know, and forget what is over.

        Returns:
            The keys of what cannot be read, each once: a newer version may have written it. All else is in force.

        Raises:
            BrokerUnavailable: Nothing can be read.
        """
        met: list[str] = []
        for number, (key, text) in enumerate(await self._state.items(_PREFIX), 1):
            try:
                self.note(Revocation.decode(text))
            except ValueError:
                met.append(key)
            if not number % _SLICE:
                await asyncio.sleep(0)
        now_ms = self._clock()
        self._held = {key: each for key, each in self._held.items() if now_ms < self._until(each)}
        unreadable = [key for key in met if key not in self._unreadable]
        self._unreadable = set(met)
        return unreadable

    async def keep(self, revocation: Revocation) -> None:
        """Tell all nodes, those too that start later, for as long as what it refuses may live.

        Raises:
            BrokerUnavailable: It cannot be kept.
        """
        key = f"{_PREFIX}{revocation.kind}/{quote(revocation.name, safe='')}"
        await self._state.put(key, revocation.encode(), self._seconds(revocation))

    def note(self, revocation: Revocation) -> None:
        """Refuse from now on, here."""
        key = (revocation.kind, revocation.name)
        known = self._held.get(key)
        if known is None or known.at_ms < revocation.at_ms:
            self._held[key] = revocation
            self.news.append(revocation)
            self.noted += 1

    def check(self, identity: Identity) -> None:
        """Refuse whoever is revoked.

        Raises:
            NotAuthenticated: With the cause ``revoked``.
        """
        if self.refuses(identity):
            raise NotAuthenticated(
                "revoked",
                "The token or session has been revoked by an administrator.",
                hint="Sign in again, or ask the operator of the hub.",
            )

    def refuses(self, identity: Identity) -> bool:
        """Say whether an identity is revoked; a token of which nobody knows when it was issued counts as old."""
        if not self._held:
            return False
        if identity.token_id is not None and self._in_force("token", identity.token_id):
            return True
        revocation = None if identity.subject is None else self._in_force("subject", identity.subject)
        return revocation is not None and (
            identity.issued_ms is None or identity.issued_ms <= revocation.at_ms + self._leeway_ms
        )

    def _in_force(self, kind: Kind, name: str) -> Revocation | None:
        revocation = self._held.get((kind, name))
        return None if revocation is None or self._clock() >= self._until(revocation) else revocation

    def _until(self, revocation: Revocation) -> float:
        return revocation.at_ms + self._seconds(revocation) * 1000

    def _seconds(self, revocation: Revocation) -> float:
        endless = revocation.name.startswith((_KEY_SUBJECT, _UNNAMED))
        # Issued so late as to be refused, and used so late as to be let in: each by as much as clocks may differ.
        return FOR_EVER if endless else self._lifetime + 2 * self._leeway_ms / 1000
