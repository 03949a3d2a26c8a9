"""One-time tickets for a native EventSource, which can send no header, and the sessions in which it comes back.

A ticket is redeemed once, on any node. Redeeming keeps a session, and its cookie, together with the ticket that stays
in the EventSource's URL, lets the EventSource reconnect; either alone is worthless. The text of a ticket is kept
nowhere: what is kept stands under its SHA-256.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals import topics
from sse_signals.errors import NotGranted
from sse_signals.life import passport
from sse_signals.life.buckets import Buckets
from sse_signals.life.session_cookies import SessionCookies
from sse_signals.life.stream_sessions import StreamSessions
from sse_signals.life.ticket_causes import (
    bad_session,
    other_subject,
    other_topics,
    refused,
    session_over,
    unknown_ticket,
    used_ticket,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState
    from sse_signals.topics import Filters

ENDLESS_MS: Final = 24 * 3_600_000  # how long a session lasts whose identity never expires
REFILL: Final = 300.0  # seconds after which a subject that took all its tickets may have as many again
_CLAIMED: Final = 60.0  # seconds that a used ticket's name stays taken beyond its life: no clock is that wrong
_KEPT: Final = "ticket/"
_USED: Final = "ticket-used/"
_TEXT: Final = re.compile("[A-Za-z0-9_-]{43}")  # 32 bytes in base64url


@dataclass(frozen=True, slots=True)
class Ticket:
    """What was issued.

    Attributes:
        text: The ticket. It is a secret.
        expires_in: Seconds in which it has to be redeemed.
    """

    text: str = field(repr=False)
    expires_in: float


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who was let in. Whether they are revoked, and what they may read, is for the caller to see.

    Attributes:
        identity: Who.
        session: The name under which they may come back: the ticket's SHA-256. It is no secret.
        lasts: Seconds until the session is over, rounded up.
        cookie: The cookie to come back with, or None where they have it already. It is a secret.
    """

    identity: Identity
    session: str
    lasts: int
    cookie: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What stands in the shared state: a ticket, or the session it has become."""

    identity: Identity
    filters: Filters | None
    until_ms: int
    redeemed: bool

    def over(self, now_ms: int) -> bool:
        return now_ms >= self.until_ms

    def lasts(self, now_ms: int) -> int:
        return -((now_ms - self.until_ms) // 1000)


class Tickets:
    """Issues tickets and redeems them.

    Attributes:
        sessions: Which stream was opened in which session.
    """

    def __init__(
        self,
        state: SharedState,
        *,
        secret: bytes,
        clock: Callable[[], int],
        ttl: float = 30.0,
        per_subject: int = 100,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it.

        Args:
            state: Where all nodes keep tickets and sessions.
            secret: What cookies are signed with, 32 bytes or more; the same on all nodes.
            clock: Returns milliseconds since 1970-01-01 UTC.
            ttl: Seconds in which a ticket has to be redeemed.
            per_subject: Tickets that one subject may have at once from this node, and as many again every 5 minutes.
            clock_s: A monotonic clock in seconds.

        Raises:
            ConfigurationError: The secret is too short.
        """
        self._state = state
        self.sessions = StreamSessions(state, clock=clock)
        self._cookies = SessionCookies(secret)
        self._clock = clock
        self._ttl = ttl
        detail = "This subject has asked for too many tickets lately."
        self._rate = Buckets(per_subject / REFILL, per_subject, reason="ticket-rate", detail=detail, clock_s=clock_s)

    async def issue(self, identity: Identity, filters: Filters | None) -> Ticket:
        """Return a new ticket.

        Args:
            identity: Whom it lets in.
            filters: What a stream that is opened with it has to ask for; None leaves that to the stream.

        Raises:
            NotAuthenticated: The identity is anonymous (``no-credentials``), or has expired (``expired``).
            TooMany: The subject has asked for too many.
            BrokerUnavailable: The ticket cannot be kept.
        """
        now_ms = self._clock()
        if identity.subject is None:
            raise refused("no-credentials", "Nobody anonymous gets a ticket.")
        if identity.expired(now_ms):
            raise refused("expired", "What was shown has expired.")
        self._rate.spend(identity.subject)
        until_ms = now_ms + round(self._ttl * 1000)
        if identity.expires_ms is not None:
            until_ms = min(until_ms, identity.expires_ms)
        text = secrets.token_urlsafe(32)
        await self._keep(session_of(text), _Kept(identity, filters, until_ms, redeemed=False), now_ms)
        return Ticket(text, (until_ms - now_ms) / 1000)

    async def redeem(self, text: str, filters: Filters, *, subject: str | None = None) -> Admission:
        """Let in who shows a ticket, once, and keep a session for them to come back.

        A try that asks for other topics gains nothing, and so does not use the ticket up.

        Args:
            text: What was shown as a ticket.
            filters: What the stream asks for.
            subject: Whose ticket it has to be, when something else that is shown says who somebody is.

        Raises:
            NotAuthenticated: With the cause ``unknown-ticket`` (never issued, or too old), ``used-ticket``,
                ``ticket-for-other-topics`` or ``ticket-of-another-subject``.
            BrokerUnavailable: Nobody can tell; the ticket may be used up.
        """
        session, now_ms = session_of(text), self._clock()
        kept = await self._find(session) if _TEXT.fullmatch(text) else None
        if kept is not None and kept.redeemed:
            raise used_ticket()
        if kept is None or kept.over(now_ms):
            raise unknown_ticket()
        if kept.filters is not None and kept.filters != filters:
            raise other_topics()
        if subject not in {None, kept.identity.subject}:
            raise other_subject()
        if not await self._state.claim(_USED + session, self._ttl + _CLAIMED):
            raise used_ticket()
        return await self._open(session, kept.identity, filters, now_ms)

    async def come_back(
        self, text: str, cookie: str | None, filters: Filters, *, subject: str | None = None
    ) -> Admission:
        """Let in again who shows a used ticket, in an EventSource's URL, together with the cookie it was given.

        Args:
            text: What was shown as a ticket.
            cookie: What was sent as the cookie of its session, or None.
            filters: What the stream asks for.
            subject: Whose session it has to be, when something else that is shown says who somebody is.

        Raises:
            NotAuthenticated: With the cause ``used-ticket`` (no cookie), ``bad-session`` (a cookie that is not ours, or
                another ticket's), ``ticket-for-other-topics``, ``ticket-of-another-subject`` or ``expired``.
            BrokerUnavailable: Nobody can tell.
        """
        if cookie is None:
            raise used_ticket()
        claims, session, now_ms = self._cookies.read(cookie), session_of(text), self._clock()
        if not claims.of_session(session):
            raise bad_session()
        if not claims.of_filters(filters):
            raise other_topics()
        if claims.over(now_ms):
            raise session_over()
        kept, bound = await self._session(session, now_ms)
        if bound != filters or not claims.of_subject(kept.identity.subject):
            raise bad_session()
        if subject not in {None, kept.identity.subject}:
            raise other_subject()
        return Admission(kept.identity, session, kept.lasts(now_ms))

    async def prolong(self, session: str, identity: Identity) -> Admission:
        """Let a session go on with a fresh identity of the same subject, and with a new cookie.

        Args:
            session: As in `Admission`.
            identity: Who somebody is by a fresh token.

        Raises:
            NotGranted: The session is of another subject; it goes on as it was.
            NotAuthenticated: With the cause ``expired``: the session is over, or the identity has expired.
            BrokerUnavailable: Nobody can tell.
        """
        now_ms = self._clock()
        kept, filters = await self._session(session, now_ms)
        if identity.subject != kept.identity.subject:
            hint = "Renew it with a token of who opened it."
            raise NotGranted("The session is not of this subject.", field="stream", hint=hint)
        if identity.expired(now_ms):
            raise refused("expired", "What was shown has expired.")
        return await self._open(session, identity, filters, now_ms)

    async def _session(self, session: str, now_ms: int) -> tuple[_Kept, Filters]:
        kept = await self._find(session)
        if kept is None or kept.filters is None or not kept.redeemed or kept.over(now_ms):
            raise session_over()
        return kept, kept.filters

    async def _open(self, session: str, identity: Identity, filters: Filters, now_ms: int) -> Admission:
        until_ms = now_ms + ENDLESS_MS if identity.expires_ms is None else identity.expires_ms
        kept = _Kept(identity, filters, until_ms, redeemed=True)
        await self._keep(session, kept, now_ms)
        cookie = self._cookies.sign(session, subject=identity.subject, filters=filters, until_ms=until_ms)
        return Admission(identity, session, kept.lasts(now_ms), cookie)

    async def _keep(self, session: str, kept: _Kept, now_ms: int) -> None:
        value = {
            "identity": passport.to_json(kept.identity),
            "topics": None if kept.filters is None else list(kept.filters),
            "until": kept.until_ms,
            "redeemed": kept.redeemed,
        }
        await self._state.put(_KEPT + session, orjson.dumps(value), (kept.until_ms - now_ms) / 1000)

    async def _find(self, session: str) -> _Kept | None:
        key = _KEPT + session
        text = next((value for found, value in await self._state.items(key) if found == key), None)
        if text is None:
            return None
        value = orjson.loads(text)
        filters = None if value["topics"] is None else topics.of(tuple(value["topics"]))
        return _Kept(passport.from_json(value["identity"]), filters, value["until"], value["redeemed"])


def session_of(text: str) -> str:
    """Return the name of a ticket's session, from which nobody finds the ticket."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
