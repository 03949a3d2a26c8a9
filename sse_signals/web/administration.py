"""``POST {prefix}/revocations`` and ``POST {prefix}/drains``: what an administrator does about people and nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import BrokerUnavailable
from sse_signals.life.revocations import Revocation
from sse_signals.web.admin_schemas import DrainSchema, RevocationSchema, load
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.problems import Problem
from sse_signals.web.query import check_names
from sse_signals.web.renewals import respond, secured
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from aiohttp import web
    from marshmallow import Schema

    from sse_signals.identity import Identity
    from sse_signals.life.security import Security
    from sse_signals.web.site import Site

THIS: Final = "this"  # the node that answers
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
        self._site.logger.info("revoked", by=admin.subject, kind=kind, name=name)
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
        """Have a node end its streams and take no more.

        Raises:
            Problem: The request is refused, or there is no such node.
            SignalsError: Who asks is no administrator, or the node cannot be told.
        """
        security, admin = await self._admitted(request)
        named = await self._load(request, _DRAIN, admin)
        node = security.nodes.own if named == THIS else named
        if not await security.drain(node):
            hint = "Take the name from the beginning of a stream's name, up to the '-', or write 'this'."
            raise Problem(404, "unknown-node", "There is no node of this name at the moment.", hint=hint)
        self._site.logger.info("drain ordered", by=admin.subject, node=node)
        return respond(self._site, request, 202, {"draining": {"node": node}})

    async def _admitted(self, request: web.Request) -> tuple[Security, Identity]:
        """Return who asks, before anything of what is asked for is read."""
        self._site.check_origin(request)
        security = secured(self._site)
        refuse_tokens_in_url(request.query)
        check_names(request.query, (), ())
        identity = await self._site.identify(request)
        self._site.check_admin(identity)
        return security, identity

    async def _load(self, request: web.Request, schema: Schema, admin: Identity) -> Any:
        """Return what the body says, from somebody who may still say it when all of it has arrived."""
        said = await load(request, schema, self._site.limits.body_timeout)
        self._site.check(admin)
        return said
