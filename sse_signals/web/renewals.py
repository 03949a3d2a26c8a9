"""``POST {prefix}/streams/{stream}/renew``: an open stream goes on with a fresh token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import hdrs, web

from sse_signals.errors import NotAuthenticated, NotGranted
from sse_signals.life.security import Renewal
from sse_signals.web.admin_schemas import NothingSchema, load
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.problems import BASE_HEADERS, Problem
from sse_signals.web.query import check_names
from sse_signals.web.request_ids import request_id
from sse_signals.web.tickets import prolong
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from sse_signals.identity import Identity
    from sse_signals.life.security import Security
    from sse_signals.web.site import Site

_NOTHING: Final = NothingSchema()


def secured(site: Site) -> Security:
    """Return what the hub knows of who may be there.

    Raises:
        Problem: 404 where nobody has to authenticate, so that nothing ever expires and nobody can be refused.
    """
    if site.security is None:
        detail = "Nobody has to authenticate here, so there is nothing to renew or to revoke."
        raise Problem(404, "authentication-off", detail, hint="Configure authentication: see SIGNALS_AUTH.")
    return site.security


class Renewals:
    """The handler of renewals."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def handle(self, request: web.Request) -> web.Response:
        """Let a stream go on for as long as the token in the ``Authorization`` header is good.

        Raises:
            Problem: The request is refused.
            SignalsError: The token is no good, the stream is somebody else's, or other nodes cannot be told.
        """
        site = self._site
        site.check_origin(request)
        security = secured(site)
        refuse_tokens_in_url(request.query)
        check_names(request.query, (), ())
        identity = await self._identify(request)
        await load(request, _NOTHING, site.limits.body_timeout)
        name = request.match_info["stream"]
        match await security.renew(name, identity, request_id=request_id(request)):
            case Renewal.DONE:
                return await self._renewed(request, name, identity)
            case Renewal.FORWARDED:
                answer = self._answer(request, 202, {"stream": name, "status": "forwarded"})
                return await self._prolong(request, name, identity, answer)
            case _:
                raise Problem(
                    404,
                    "unknown-stream",
                    "There is no open stream of this name.",
                    hint="Take the name from the stream's receipt; a stream that has ended is opened anew.",
                )

    async def _identify(self, request: web.Request) -> Identity:
        """Return whom the token vouches for; a cookie renews nothing, since any page could have it sent."""
        if hdrs.AUTHORIZATION not in request.headers:
            error = NotAuthenticated(
                "no-credentials",
                "A renewal needs a fresh token.",
                hint="Send it as 'Authorization: Bearer …'; a cookie does not count here.",
            )
            self._site.tell(error, request)
            raise error
        return await self._site.identify(request)

    async def _renewed(self, request: web.Request, name: str, identity: Identity) -> web.Response:
        expires_ms = identity.expires_ms
        expires_at = None if expires_ms is None else timestamp(expires_ms)
        answer = self._answer(request, 200, {"stream": name, "status": "renewed", "expiresAt": expires_at})
        return await self._prolong(request, name, identity, answer)

    async def _prolong(self, request: web.Request, name: str, identity: Identity, answer: web.Response) -> web.Response:
        """Let the session in whose cookie the stream's client comes back live as long as the stream."""
        tickets = self._site.tickets
        session = None if tickets is None else await tickets.sessions.of(name)
        if tickets is None or session is None:
            return answer
        path = request.rel_url.raw_path.rpartition("/streams/")[0] + "/stream"
        try:
            cookie = await prolong(tickets, session, identity, path=path)
            await tickets.sessions.remember(name, session, identity)
        except (NotAuthenticated, NotGranted) as error:
            self._site.logger.info("session not renewed", request_id=request_id(request), stream=name, error=str(error))
            return answer
        answer.headers.add(hdrs.SET_COOKIE, cookie)
        return answer

    def _answer(self, request: web.Request, status: int, said: dict[str, Any]) -> web.Response:
        return respond(self._site, request, status, said)


def respond(site: Site, request: web.BaseRequest, status: int, said: dict[str, Any] | bytes) -> web.Response:
    """Return a JSON object, encoded or not, as the answer to a request of somebody in particular: nobody keeps it."""
    headers = {**BASE_HEADERS, hdrs.CACHE_CONTROL: "no-store", **site.cors(request)}
    headers[hdrs.CONTENT_TYPE] = "application/json"
    return web.Response(status=status, body=said if isinstance(said, bytes) else encoded(said), headers=headers)


def encoded(said: dict[str, Any]) -> bytes:
    """Return a JSON object as an answer holds it."""
    return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
