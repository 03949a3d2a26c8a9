"""How a stream is let in: who asks, what they may read, and where in the log to start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.errors import BrokerUnavailable, IssuerUnavailable, NotAuthenticated, TooMany
from sse_signals.grants import readable
from sse_signals.life.access import ACCEPTED, UNCHECKED
from sse_signals.web.request_ids import request_id
from sse_signals.web.tickets import admit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from sse_signals.cursor.start import Found
    from sse_signals.identity import Identity
    from sse_signals.life.access import Access
    from sse_signals.life.limits import Place
    from sse_signals.life.tickets import Tickets
    from sse_signals.topics import Filters
    from sse_signals.web.query import StreamQuery
    from sse_signals.web.site import Site
    from sse_signals.web.tickets import Admitted

# What a client is told, or sees, that makes it come again.
_COMES_AGAIN: Final = (TooMany, IssuerUnavailable, BrokerUnavailable, asyncio.CancelledError)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream that may be opened.

    Attributes:
        name: The stream's.
        identity: Who asks.
        address: Where from.
        filters: What they may read of what they ask for.
        found: What had to be looked up.
        place: What the stream counts for; to be closed with it.
        cookies: ``Set-Cookie`` values of the response.
        has_session: Whether it was let in with a ticket, and so has a session to be forgotten with it.
    """

    name: str
    identity: Identity
    address: str
    filters: Filters
    found: Found
    place: Place
    cookies: Sequence[str] = ()
    has_session: bool = False


async def enter(site: Site, request: web.BaseRequest, query: StreamQuery) -> Entry:
    """Let a stream in, or say why not. Counting comes before what costs more.

    Raises:
        Problem: The credentials contradict each other, or come from a page that may not send them.
        NotAuthenticated: Nobody knows who asks.
        NotGranted: They may not read one of the topics.
        TooMany: They have too many streams open, or too many failures.
        IssuerUnavailable: What they show cannot be checked at the moment.
        BrokerUnavailable: The same, or nobody can tell where to start.
    """
    address, tickets, security = site.address(request), site.tickets, site.security
    place = site.places.open(None, address)
    admitted: Admitted | None = None
    try:
        name = site.name_stream()
        if query.ticket is None or tickets is None or security is None:
            identity = _still_good(site, request, await site.identify(request))
        else:
            admitted = await _admit(site, security.access, tickets, request, query)
            identity = await _today(site, security.access, request, admitted.admission.identity)
            await tickets.sessions.remember(name, admitted.admission.session, identity)
        place.identify(identity.subject)
        filters = readable(query.filters, identity.grants)
        found = await site.service.look_up(query.start, filters, identity, poll=query.poll)
    except BaseException as error:
        place.close()
        if tickets is not None and admitted is not None and isinstance(error, _COMES_AGAIN):
            await tickets.give_back(admitted.admission)  # it has to do without the cookie, which nobody got
        raise
    cookies = () if admitted is None else admitted.set_cookies
    return Entry(name, identity, address, filters, found, place, cookies, has_session=admitted is not None)


def reason_of(error: TooMany | IssuerUnavailable | BrokerUnavailable) -> str:
    """Return why a stream is sent away that may come again, as a short name for programs."""
    match error:
        case TooMany():
            return error.reason
        case IssuerUnavailable():
            return "issuer-unavailable"
        case _:
            return "broker-unavailable"


async def _admit(
    site: Site, access: Access, tickets: Tickets, request: web.BaseRequest, query: StreamQuery
) -> Admitted:
    """Let in who shows a ticket."""
    shown = (await site.identify(request)).subject if site.shows(request) else None
    access.check_address(site.address(request))
    try:
        return await admit(
            tickets, request, query.ticket or "", query.filters, allowed=site.cors_origins, subject=shown
        )
    except NotAuthenticated as error:
        access.refused(error, site.address(request), request_id(request))
        raise


async def _today(site: Site, access: Access, request: web.BaseRequest, identity: Identity) -> Identity:
    """Return who was let in with a ticket, as they are today."""
    try:
        access.check(identity)
        today = await access.refreshed(identity)
    except NotAuthenticated as error:
        access.refused(error, site.address(request), request_id(request))
        raise
    except IssuerUnavailable:
        access.results[UNCHECKED] += 1
        raise
    access.results[ACCEPTED] += 1
    return today


def _still_good(site: Site, request: web.BaseRequest, identity: Identity) -> Identity:
    """Return an identity that a stream can be opened with: a request may come a little late, but a stream lasts."""
    try:
        site.check(identity)
    except NotAuthenticated as error:
        site.tell(error, request)
        raise
    return identity
