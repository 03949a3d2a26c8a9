"""What people get: a ticket, and what they are let in with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sse_signals.identity import Identity
    from sse_signals.life.kept_tickets import Kept


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
        ticket: The ticket that this has used up, if it has.
    """

    identity: Identity
    session: str
    lasts: int
    cookie: str | None = field(default=None, repr=False)
    ticket: Kept | None = field(default=None, repr=False, compare=False)
