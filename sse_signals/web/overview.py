"""``GET {prefix}/streams``: what is open, on this node or on all, and why others no longer are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from sse_signals.life.overview import together
from sse_signals.life.shared import Shared
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.problems import bad_parameter, unavailable
from sse_signals.web.query import check_names
from sse_signals.web.renewals import encoded, respond

if TYPE_CHECKING:
    from aiohttp import web

    from sse_signals.life.lookout import Lookout
    from sse_signals.web.site import Site

OVERVIEW_PARAMETERS: Final = ("limit", "node")
MOST: Final = 1_000  # streams that are told of one by one
USUAL: Final = 100  # if nobody says how many
THIS: Final = "this"  # the node that answers
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class OverviewQuery:
    """What an overview is wanted of.

    Attributes:
        limit: How many open streams to tell of one by one, and how many closed ones.
        alone: Whether to tell of this node only.
    """

    limit: int
    alone: bool


def overview_query(request: web.BaseRequest) -> OverviewQuery:
    """Read a request for an overview.

    Raises:
        Problem: 400 that names the parameter at fault.
    """
    query = request.query
    check_names(query, OVERVIEW_PARAMETERS, ())
    limit = query.get("limit", str(USUAL))
    if not _NUMBER.fullmatch(limit) or int(limit) > MOST:
        hint = f"Write limit=1 to limit={MOST}, or leave it out for {USUAL}."
        raise bad_parameter("limit", f"It is no number from 1 to {MOST}.", hint)
    if query.get("node", THIS) != THIS:
        hint = f"Write node={THIS} for the node that answers, or leave it out for all nodes."
        raise bad_parameter("node", f"It is not {THIS!r}.", hint)
    return OverviewQuery(int(limit), alone="node" in query)


class OverviewRequests:
    """The handler of requests for an overview, which need the grant ``admin``.

    Those who wait for the same overview get the same bytes: a thousand streams take some milliseconds to be sorted and
    written as JSON, in which no stream is served.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers = WeakValueDictionary[OverviewQuery, Shared[bytes]]()  # of those who wait

    async def handle(self, request: web.Request) -> web.Response:
        """Tell who is connected, and why others no longer are.

        Raises:
            Problem: The request is refused, or the hub is starting.
            SignalsError: Who asks is no administrator.
        """
        site = self._site
        site.check_origin(request)
        refuse_tokens_in_url(request.query)
        query = overview_query(request)
        admin = await site.identify(request)
        site.check_admin(admin)
        if site.lookout is None:
            raise unavailable("starting")
        answers = self._answers.setdefault(query, Shared())
        said = await answers.get(partial(self._answer, site.lookout, query))
        site.check(admin)  # it may have taken a second
        return respond(site, request, 200, said)

    async def _answer(self, lookout: Lookout, query: OverviewQuery) -> bytes:
        site = self._site
        seen = await lookout.look(query.limit, alone=query.alone)
        return encoded(
            together(
                seen.parts, node=site.nodes.own, now_ms=site.clock(), limit=query.limit, incomplete=seen.incomplete
            )
        )
