"""Which stream was opened in which session, so that a renewal prolongs the session too, whatever node it reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState

ENDLESS: Final = 24 * 3600.0  # seconds, where the identity never expires
_PREFIX: Final = "session-of/"


class StreamSessions:
    """The sessions of open streams, known to all nodes."""

    def __init__(self, state: SharedState, *, clock: Callable[[], int]) -> None:
        self._state = state
        self._clock = clock

    async def remember(self, stream: str, session: str, identity: Identity) -> None:
        """Note the session of a stream for as long as its identity is good.

        Raises:
            BrokerUnavailable: It cannot be kept.
        """
        expires_ms = identity.expires_ms
        ttl = ENDLESS if expires_ms is None else max(0.0, (expires_ms - self._clock()) / 1000)
        await self._state.put(_PREFIX + stream, session.encode(), ttl)

    async def forget(self, stream: str) -> None:
        """Forget the session of a stream that has ended.

        Raises:
            BrokerUnavailable: It cannot be forgotten before its time.
        """
        await self._state.put(_PREFIX + stream, b"", 0.0)

    async def of(self, stream: str) -> str | None:
        """Return the session of a stream, or None if it has none.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        wanted = _PREFIX + stream
        return next((value.decode() for key, value in await self._state.items(wanted) if key == wanted and value), None)
