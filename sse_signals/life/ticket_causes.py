"""Why a ticket or its session is refused: the closed list of causes, and what to do about each."""

from __future__ import annotations

from typing import Final

from sse_signals.errors import NotAuthenticated

HINTS: Final = {
    "no-credentials": "Ask for a ticket with 'Authorization: Bearer …', and open the EventSource at its 'url'.",
    "unknown-ticket": "Get a new ticket with POST …/tickets, and open the stream before its 'expiresIn' is over.",
    "used-ticket": "Get a new ticket with POST …/tickets; each opens one EventSource, which has a cookie to come back.",
    "ticket-for-other-topics": "Open the 'url' that came with the ticket, or ask for a ticket that names no topics.",
    "ticket-of-another-subject": "Show one credential: the ticket, or the header or cookie of who is signed in.",
    "bad-session": "Get a new ticket with POST …/tickets, and open a new EventSource.",
    "expired": "Get a new ticket with POST …/tickets and a fresh token, and open a new EventSource.",
}


def refused(cause: str, detail: str) -> NotAuthenticated:
    """Return the refusal of a ticket or a session.

    Args:
        cause: One of `HINTS`.
        detail: What is wrong, one sentence without anything secret.
    """
    return NotAuthenticated(cause, detail, hint=HINTS[cause])


def unknown_ticket() -> NotAuthenticated:
    """Return the one answer for tickets that were never issued, are too old, or are no tickets at all."""
    return refused("unknown-ticket", "There is no such ticket, or it is too old.")


def used_ticket() -> NotAuthenticated:
    """Return the answer for a ticket that comes again without its cookie."""
    return refused("used-ticket", "The ticket has been used, and the cookie that it was given did not come with it.")


def other_topics() -> NotAuthenticated:
    """Return the answer for a stream that asks for something else than its ticket is for."""
    return refused("ticket-for-other-topics", "The ticket is for other topics than the stream asks for.")


def other_subject() -> NotAuthenticated:
    """Return the answer for a ticket that comes together with somebody else's header or cookie."""
    return refused("ticket-of-another-subject", "The ticket and what else is shown are of different subjects.")


def bad_session() -> NotAuthenticated:
    """Return the one answer for cookies that are not ours, and for those of other tickets."""
    return refused("bad-session", "The cookie is not the one that this ticket was given.")


def session_over() -> NotAuthenticated:
    """Return the answer for a session that has ended, or that the hub no longer knows."""
    return refused("expired", "The session of this ticket is over.")
