"""Tickets and sessions as they stand in the shared state: under the SHA-256 of the ticket's text, for all nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals import topics
from sse_signals.life import passport

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState
    from sse_signals.topics import Filters

_CLAIMED: Final = 60.0  # seconds that a used ticket's name stays taken beyond its life: no clock is that wrong
_KEPT: Final = "ticket/"
_USED: Final = "ticket-used/"


@dataclass(frozen=True, slots=True)
class Kept:
    """A ticket, or the session it has become.

    Attributes:
        identity: Whose.
        filters: What a stream has to ask for; None leaves that to the stream.
        until_ms: When it is over, in milliseconds since 1970-01-01 UTC.
        redeemed: Whether it is a session.
    """

    identity: Identity
    filters: Filters | None
    until_ms: int
    redeemed: bool

    def over(self, now_ms: int) -> bool:
        """Say whether it is over."""
        return now_ms >= self.until_ms

    def lasts(self, now_ms: int) -> int:
        """Return the seconds until it is over, rounded up."""
        return -((now_ms - self.until_ms) // 1000)


class KeptTickets:
    """Tickets and sessions by the session's name. Every method raises `BrokerUnavailable` when the state is away."""

    def __init__(self, state: SharedState, *, clock: Callable[[], int]) -> None:
        self._state = state
        self._clock = clock

    async def put(self, session: str, kept: Kept) -> None:
        """Keep a ticket or a session until it is over."""
        value = {
            "identity": passport.to_json(kept.identity),
            "topics": None if kept.filters is None else list(kept.filters),
            "until": kept.until_ms,
            "redeemed": kept.redeemed,
        }
        await self._state.put(_KEPT + session, orjson.dumps(value), max(0.0, (kept.until_ms - self._clock()) / 1000))

    async def find(self, session: str) -> Kept | None:
        """Return what is kept, or None."""
        key = _KEPT + session
        text = next((value for found, value in await self._state.items(key) if found == key), None)
        if text is None:
            return None
        value = orjson.loads(text)
        filters = None if value["topics"] is None else topics.of(tuple(value["topics"]))
        return Kept(passport.from_json(value["identity"]), filters, value["until"], value["redeemed"])

    async def claim(self, session: str, ttl: float) -> bool:
        """Use a ticket up that lives for ``ttl`` seconds at most; False when somebody else has."""
        return await self._state.claim(_USED + session, ttl + _CLAIMED)

    async def reinstate(self, session: str, ticket: Kept) -> None:
        """Make a ticket as good as new. Only who has claimed it, and has let nobody in, may do this."""
        await self.put(session, ticket)
        await self._state.put(_USED + session, b"", 0.0)  # last: until then nobody else can use it
