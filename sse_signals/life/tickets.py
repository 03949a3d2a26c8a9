"""One-time tickets for a native EventSource, which can send no header, and the sessions in which it comes back.

A ticket is redeemed once, on any node. Redeeming keeps a session, and its cookie, together with the ticket that stays
in the EventSource's URL, lets the EventSource reconnect; either alone is worthless. The text of a ticket is kept
nowhere: what is kept stands under its SHA-256. A ticket is used up when somebody was let in with it, and by nothing
else as far as the shared state can be reached: if whoever showed it leaves before, it is as good as it was.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sse_signals.errors import BrokerUnavailable, NotGranted, SignalsError
from sse_signals.life.admission import Admission, Ticket
from sse_signals.life.buckets import Buckets
from sse_signals.life.errands import Errands
from sse_signals.life.kept_tickets import Kept, KeptTickets
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
    from collections.abc import Callable, Sequence

    from sse_signals.identity import Identity
    from sse_signals.interfaces import SharedState
    from sse_signals.topics import Filters

ENDLESS_MS: Final = 24 * 3_600_000  # how long a session lasts whose identity never expires
REFILL: Final = 300.0  # seconds after which a subject that took all its tickets may have as many again
_TEXT: Final = re.compile("[A-Za-z0-9_-]{43}")  # 32 bytes in base64url


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
        other_secrets: Sequence[bytes] = (),
        clock: Callable[[], int],
        ttl: float = 30.0,
        per_subject: int = 100,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make it.

        Args:
            state: Where all nodes keep tickets and sessions.
            secret: What cookies are signed with, 32 bytes or more; the same on all nodes.
            other_secrets: What cookies may have been signed with, too.
            clock: Returns milliseconds since 1970-01-01 UTC.
            ttl: Seconds in which a ticket has to be redeemed.
            per_subject: Tickets that one subject may have at once from this node, and as many again every 5 minutes.
            clock_s: A monotonic clock in seconds.

        Raises:
            ConfigurationError: The secret is too short.
        """
        self._kept = KeptTickets(state, clock=clock)
        self.sessions = StreamSessions(state, clock=clock)
        self._cookies = SessionCookies(secret, *other_secrets)
        self._clock = clock
        self._ttl = ttl
        self._errands = Errands()
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
        await self._kept.put(session_of(text), Kept(identity, filters, until_ms, redeemed=False))
        return Ticket(text, (until_ms - now_ms) / 1000)

    async def redeem(self, text: str, filters: Filters, *, subject: str | None = None) -> Admission:
        """Let in who shows a ticket, once, and keep a session for them to come back.

        A try that asks for other topics gains nothing, and so does not use the ticket up. Neither does one that is
        cancelled: what has begun is finished, and then undone.

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
        kept = await self._kept.find(session) if _TEXT.fullmatch(text) else None
        if kept is not None and kept.redeemed:
            raise used_ticket()
        if kept is None or kept.over(now_ms):
            raise unknown_ticket()
        if kept.filters is not None and kept.filters != filters:
            raise other_topics()
        if subject not in {None, kept.identity.subject}:
            raise other_subject()
        using = self._errands.send(self._use(session, kept, filters, now_ms))
        try:
            return await asyncio.shield(using)
        except asyncio.CancelledError:
            self._errands.send(self._take_back(using))
            raise

    async def give_back(self, admission: Admission) -> None:
        """Make the ticket of an admission good again, of which nobody was told: neither of it nor of its cookie.

        What cannot be undone, because the state is out of reach, stays used up. A caller that is cancelled does not
        stop it.
        """
        if admission.ticket is not None:
            await asyncio.shield(self._errands.send(self._reinstate(admission.session, admission.ticket)))

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

    async def _use(self, session: str, ticket: Kept, filters: Filters, now_ms: int) -> Admission:
        if not await self._kept.claim(session, self._ttl):
            raise used_ticket()
        try:
            return replace(await self._open(session, ticket.identity, filters, now_ms), ticket=ticket)
        except BrokerUnavailable:
            await self._reinstate(session, ticket)
            raise

    async def _take_back(self, using: asyncio.Task[Admission]) -> None:
        with suppress(SignalsError):  # then there is nothing to take back
            await self.give_back(await using)

    async def _reinstate(self, session: str, ticket: Kept) -> None:
        with suppress(BrokerUnavailable):
            await self._kept.reinstate(session, ticket)

    async def _session(self, session: str, now_ms: int) -> tuple[Kept, Filters]:
        kept = await self._kept.find(session)
        if kept is None or kept.filters is None or not kept.redeemed or kept.over(now_ms):
            raise session_over()
        return kept, kept.filters

    async def _open(self, session: str, identity: Identity, filters: Filters, now_ms: int) -> Admission:
        until_ms = now_ms + ENDLESS_MS if identity.expires_ms is None else identity.expires_ms
        kept = Kept(identity, filters, until_ms, redeemed=True)
        await self._kept.put(session, kept)
        cookie = self._cookies.sign(session, subject=identity.subject, filters=filters, until_ms=until_ms)
        return Admission(identity, session, kept.lasts(now_ms), cookie)


def session_of(text: str) -> str:
    """Return the name of a ticket's session, from which nobody finds the ticket."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
