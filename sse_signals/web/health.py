"""``GET {prefix}/health/live`` and ``/ready``: for load balancers and process supervisors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from sse_signals.web.problems import BASE_HEADERS, cut_off, unavailable

if TYPE_CHECKING:
    from sse_signals.web.problems import Problem
    from sse_signals.web.site import Site


def not_ready(site: Site) -> Problem | None:
    """Return why no requests should be sent to a site, or None."""
    if site.ready:
        return None
    return unavailable(site.busy) if site.busy else cut_off()


class Health:
    """The handlers of health requests."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def live(self, request: web.Request) -> web.Response:
        """Say that the process handles requests."""
        return self._say("live", request)

    async def ready(self, request: web.Request) -> web.Response:
        """Say whether requests should be sent here: not while starting, draining, or cut off from the log.

        Raises:
            Problem: 503 when they should not.
        """
        problem = not_ready(self._site)
        if problem is not None:
            raise problem
        return self._say("ready", request)

    def _say(self, status: str, request: web.Request) -> web.Response:
        return web.Response(
            body=orjson.dumps({"status": status}, option=orjson.OPT_APPEND_NEWLINE),
            content_type="application/json",
            headers={**BASE_HEADERS, "Cache-Control": "no-store", **self._site.cors(request)},
        )
