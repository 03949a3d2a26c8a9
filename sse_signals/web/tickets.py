"""``POST {prefix}/tickets``, and how a stream is let in with a ticket or with its session's cookie."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
from aiohttp import hdrs, web

from sse_signals.errors import NotAuthenticated
from sse_signals.grants import readable
from sse_signals.life.ticket_causes import refused
from sse_signals.life.tickets import session_of
from sse_signals.topics import EVERYTHING
from sse_signals.web import body as bodies
from sse_signals.web.cookies import (
    check_cookie_origin,
    check_ticket_origin,
    cookies_of,
    dropped_sessions,
    session_cookie,
    session_name,
)
from sse_signals.web.credentials import bearer, contradiction, refuse_tokens_in_url
from sse_signals.web.problems import BASE_HEADERS, Problem, bad_parameter
from sse_signals.web.ticket_body import HINT, wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sse_signals.identity import Identity
    from sse_signals.life.admission import Admission, Ticket
    from sse_signals.life.tickets import Tickets
    from sse_signals.topics import Filters
    from sse_signals.web.site import Site


@dataclass(frozen=True, slots=True)
class Admitted:
    """A stream that is let in. Whether its identity is revoked, and what it may read, is for the caller to see.

    Attributes:
        admission: What they were let in with.
        set_cookies: Values of ``Set-Cookie`` headers for the response. They are secrets.
    """

    admission: Admission
    set_cookies: Sequence[str] = field(repr=False)


async def admit(
    tickets: Tickets,
    request: web.BaseRequest,
    text: str,
    filters: Filters,
    *,
    allowed: Collection[str],
    subject: str | None = None,
) -> Admitted:
    """Let in who shows a ticket: a new one, or a used one together with its cookie.

    Args:
        tickets: Where tickets are redeemed.
        request: The request for a stream, on whose path the cookie is set.
        text: What it shows as a ticket.
        filters: What it asks for.
        allowed: Origins of pages that may use the hub besides its own.
        subject: Whose ticket it has to be, when something else that is shown says who somebody is.

    Raises:
        Problem: 403 for a page that may not do this, 400 for a cookie that is there twice.
        NotAuthenticated: The ticket, or its cookie, is no good.
        BrokerUnavailable: Nobody can tell.
    """
    check_ticket_origin(request, allowed)
    name = session_name(session_of(text))
    values = cookies_of(request, name)
    if len(values) > 1:
        raise contradiction(f"The cookie {name} is there more than once.")
    try:
        admission = await tickets.redeem(text, filters, subject=subject)
    except NotAuthenticated as error:
        if not values or error.cause.startswith("ticket-"):
            raise
        check_cookie_origin(request, allowed)
        admission = await tickets.come_back(text, values[0], filters, subject=subject)
    session, path = admission.session, request.rel_url.raw_path
    cookies = dropped_sessions(request, session, path=path)
    if admission.cookie is not None:
        cookies.append(session_cookie(session, admission.cookie, path=path, lasts=admission.lasts))
    return Admitted(admission, cookies)


async def prolong(tickets: Tickets, session: str, identity: Identity, *, path: str) -> str:
    """Let the session of a renewed stream go on, and return the ``Set-Cookie`` value that says so to its browser.

    Args:
        tickets: Where sessions are.
        session: The session's name.
        identity: Who its subject is by a fresh token.
        path: The stream's.

    Raises:
        NotGranted: The session is of another subject.
        NotAuthenticated: The session is over, or the identity has expired.
        BrokerUnavailable: Nobody can tell.
    """
    admission = await tickets.prolong(session, identity)
    return session_cookie(session, admission.cookie or "", path=path, lasts=admission.lasts)


class TicketRequests:
    """The handler of requests for tickets."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with a ticket, and with the URL of the stream that it opens.

        Raises:
            Problem: The request is refused.
            SignalsError: Who asks is not known, may not read what they ask for, or has asked too often.
        """
        site = self._site
        site.check_origin(request)
        refuse_tokens_in_url(request.query)
        if site.tickets is None:
            hint = "Open the stream without a ticket."
            raise Problem(404, "no-tickets", "Nobody has to authenticate here, so there are no tickets.", hint=hint)
        identity = await self._identify(request)
        for name in request.query:
            raise bad_parameter(name[:64], "There is no such parameter.", f"Topics go into the body. {HINT}")
        path = request.rel_url.raw_path.removesuffix("/tickets") + "/stream"
        stream = wanted(await self._body(request), path)
        readable(EVERYTHING if stream.filters is None else stream.filters, identity.grants)
        ticket = await self._issue(site.tickets, request, identity, stream.filters)
        answer = {"ticket": ticket.text, "expiresIn": int(ticket.expires_in), "url": stream.url(ticket.text)}
        headers = {**BASE_HEADERS, hdrs.CACHE_CONTROL: "no-store", **site.cors(request)}
        headers[hdrs.CONTENT_TYPE] = "application/json"
        return web.Response(body=orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE), headers=headers)

    async def _identify(self, request: web.Request) -> Identity:
        """Return who shows a token: what a browser adds by itself may not get something that lasts longer."""
        if bearer(request) is None:
            error = refused("no-credentials", "Only a bearer token or an API key gets a ticket.")
            self._site.tell(error, request)
            raise error
        return await self._site.identify(request)

    async def _issue(
        self, tickets: Tickets, request: web.Request, identity: Identity, filters: Filters | None
    ) -> Ticket:
        try:
            return await tickets.issue(identity, filters)
        except NotAuthenticated as error:
            self._site.tell(error, request)
            raise

    async def _body(self, request: web.Request) -> bytes:
        media_type = bodies.media_type(request)
        limits = self._site.limits
        content = await bodies.read(request, limit=limits.body, timeout=limits.body_timeout)
        if content and media_type not in bodies.JSON_TYPES:
            raise Problem(415, "content-type", "The body is not JSON.", hint="Add 'Content-Type: application/json'.")
        return content
