"""How a stream is let in: who asks, what they may read, and where in the log to start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.errors import NotAuthenticated
from sse_signals.grants import readable
from sse_signals.web.tickets import admit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from sse_signals.cursor.start import Found
    from sse_signals.identity import Identity
    from sse_signals.life.limits import Place
    from sse_signals.topics import Filters
    from sse_signals.web.query import StreamQuery
    from sse_signals.web.site import Site


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
    """
    address = site.address(request)
    place = site.places.open(None, address)
    try:
        name = site.name_stream()
        identity, cookies = await _identify(site, request, query, name)
        place.identify(identity.subject)
        filters = readable(query.filters, identity.grants)
        found = await site.service.look_up(query.start, filters, identity, poll=query.poll)
    except BaseException:
        place.close()
        raise
    has_session = query.ticket is not None and site.tickets is not None
    return Entry(name, identity, address, filters, found, place, cookies, has_session)


async def _identify(
    site: Site, request: web.BaseRequest, query: StreamQuery, name: str
) -> tuple[Identity, Sequence[str]]:
    """Return who asks, and cookies to set."""
    tickets, security = site.tickets, site.security
    if query.ticket is None or tickets is None or security is None:
        return _still_good(site, request, await site.identify(request)), ()
    shown = (await site.identify(request)).subject if site.shows(request) else None
    address, access = site.address(request), security.access
    access.check_address(address)
    try:
        admitted = await admit(tickets, request, query.ticket, query.filters, allowed=site.cors_origins, subject=shown)
        access.check(admitted.identity)
        identity = await access.refreshed(admitted.identity)
    except NotAuthenticated as error:
        access.refused(error, address)
        raise
    await tickets.sessions.remember(name, admitted.session, identity)
    return identity, admitted.set_cookies


def _still_good(site: Site, request: web.BaseRequest, identity: Identity) -> Identity:
    """Return an identity that a stream can be opened with: a request may come a little late, but a stream lasts."""
    try:
        site.check(identity)
    except NotAuthenticated as error:
        site.tell(error, request)
        raise
    return identity
