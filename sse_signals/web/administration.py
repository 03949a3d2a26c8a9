"""``POST {prefix}/revocations`` and ``POST {prefix}/drain``: what an administrator does about people and nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiohttp import hdrs

from sse_signals.errors import BrokerUnavailable
from sse_signals.life.revocations import Revocation
from sse_signals.web.admin_schemas import DrainSchema, RevocationSchema, load
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.origins import check_origin
from sse_signals.web.problems import Problem
from sse_signals.web.query import check_names
from sse_signals.web.renewals import respond, secured
from sse_signals.web.request_ids import request_id
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from aiohttp import web
    from marshmallow import Schema

    from sse_signals.identity import Identity
    from sse_signals.life.security import Security
    from sse_signals.web.site import Site

THIS: Final = "this"  # the node that answers
PASSED_ON: Final = (hdrs.FORWARDED, hdrs.X_FORWARDED_FOR, hdrs.X_FORWARDED_HOST, hdrs.VIA, "X-Real-IP")  # say proxies
_REVOCATION: Final = RevocationSchema()
_DRAIN: Final = DrainSchema()


class Administration:
    """The handlers of requests that need the grant ``admin``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def revoke(self, request: web.Request) -> web.Response:
        """Refuse a subject, a token or a stream from now on, on every node.

        Raises:
            Problem: The request is refused, or it is 503: the revocation is in force here, but not everywhere.
            SignalsError: Who asks is no administrator.
        """
        security, admin = await self._admitted(request)
        kind, name = await self._load(request, _REVOCATION, admin)
        revocation = Revocation(kind, name, self._site.clock())
        self._site.logger.info("revoked", request_id=request_id(request), by=admin.subject, kind=kind, name=name)
        try:
            await asyncio.shield(asyncio.ensure_future(security.revoke(revocation)))  # even if who asks has gone
        except BrokerUnavailable as error:
            raise Problem(
                503,
                "not-everywhere",
                "It is refused on this node, but other nodes may not know of it.",
                hint="Repeat the request after the time in Retry-After, until it is answered with 202.",
                headers={"Retry-After": str(max(1, round(error.retry_after)))},
            ) from None
        return respond(self._site, request, 202, {"revoked": {kind: name}, "at": timestamp(revocation.at_ms)})

    async def drain(self, request: web.Request) -> web.Response:
        """Have a node end its streams and take no more; one that is a server of its own ends afterwards.

        Where nobody has to authenticate a node drains only itself, and not for whoever can reach it from elsewhere.

        Raises:
            Problem: The request is refused, or there is no such node.
            SignalsError: Who asks is no administrator, or the node cannot be told.
        """
        site = self._site
        site.check_origin(request)
        if site.security is None:
            self._refuse_strangers(request)
        admin = await self._administrator(request)
        named = await self._load(request, _DRAIN, admin)
        node = site.nodes.own if named == THIS else named
        if site.security is not None:
            found = await site.security.drain(node)
        elif found := node == site.nodes.own:
            site.departure.begin(site, "order")
        if not found:
            hint = "Take the name from the beginning of a stream's name, up to the '-', or write 'this'."
            if site.security is None:
                hint = "Write 'this', and ask that node itself: without authentication no other can tell it."
            raise Problem(404, "unknown-node", "There is no node of this name at the moment.", hint=hint)
        site.logger.info("drain ordered", request_id=request_id(request), by=admin.subject, node=node)
        return respond(site, request, 202, {"draining": {"node": node}})

    def _refuse_strangers(self, request: web.Request) -> None:
        """Where nobody has to authenticate, heed only programs on this machine and the hub's own pages."""
        if self._site.hosts is None:
            raise Problem(
                403,
                "drain-not-allowed",
                "Nobody has to authenticate here, and anybody can reach the hub: it is not drained over HTTP.",
                hint="Send SIGTERM to its process, or configure authentication: see SIGNALS_AUTH.",
            )
        if any(name in request.headers for name in PASSED_ON):
            raise Problem(
                403,
                "drain-not-allowed",
                "Nobody has to authenticate here, and a proxy has passed this on for somebody who may be anywhere.",
                hint="Ask the node itself at its own address, without a proxy, or send SIGTERM to its process.",
            )
        try:
            check_origin(request, ())
        except Problem:
            raise Problem(
                403,
                "drain-not-allowed",
                "Pages of other origins may use this hub, but not end it, since nobody has to authenticate.",
                hint="Send the request without an Origin header, as curl does, or from a page of the hub itself.",
            ) from None

    async def _admitted(self, request: web.Request) -> tuple[Security, Identity]:
        """Return who asks, before anything of what is asked for is read."""
        self._site.check_origin(request)
        security = secured(self._site)
        return security, await self._administrator(request)

    async def _administrator(self, request: web.Request) -> Identity:
        refuse_tokens_in_url(request.query)
        check_names(request.query, (), ())
        identity = await self._site.identify(request)
        self._site.check_admin(identity)
        return identity

    async def _load(self, request: web.Request, schema: Schema, admin: Identity) -> Any:
        """Return what the body says, from somebody who may still say it when all of it has arrived."""
        said = await load(request, schema, self._site.limits.body_timeout)
        self._site.check(admin)
        return said
