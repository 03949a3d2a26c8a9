"""``GET {prefix}/metrics``: what the hub has counted, for Prometheus."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from sse_signals.life.shared import Shared
from sse_signals.metrics.moment import Source
from sse_signals.metrics.rendering import rendered, wants_openmetrics
from sse_signals.web.credentials import refuse_tokens_in_url
from sse_signals.web.problems import BASE_HEADERS, Problem

if TYPE_CHECKING:
    from sse_signals.web.site import Site


class MetricsRequests:
    """The handler of scrapes. With authentication they need the grant ``admin``: counts say much of who is there."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answers = {openmetrics: Shared[tuple[bytes, str]]() for openmetrics in (False, True)}

    async def handle(self, request: web.Request) -> web.Response:
        """Answer with all series; scrapes at the same time share one exposition.

        Raises:
            Problem: The request is refused, or metrics are on a port of their own.
            SignalsError: Who asks is no administrator, or the hub has never started.
        """
        site = self._site
        site.check_origin(request)
        refuse_tokens_in_url(request.query)
        if site.metrics.elsewhere is not None:
            raise Problem(404, "metrics-elsewhere", "Metrics are on a port of their own.", hint=site.metrics.elsewhere)
        admin = await site.identify(request)
        site.check_admin(admin)
        return await self.answer(request)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer whoever may scrape."""
        openmetrics = wants_openmetrics(request.headers.get(hdrs.ACCEPT, ""))
        body, content_type = await self._answers[openmetrics].get(partial(self._written, openmetrics=openmetrics))
        headers = {**BASE_HEADERS, hdrs.CACHE_CONTROL: "no-store", **self._site.cors(request)}
        headers[hdrs.CONTENT_TYPE] = content_type
        return web.Response(body=body, headers=headers)

    async def _written(self, *, openmetrics: bool) -> tuple[bytes, str]:
        families = await self._site.metrics.exposition()
        return await rendered(families, openmetrics=openmetrics, time=asyncio.get_running_loop().time)


def source_of(site: Site) -> Source:
    """Return what the metrics of a site are read from."""
    return Source(
        service=site.service,
        ledger=site.ledger,
        most_streams=site.limits.streams,
        streams=lambda: [] if site.sweep is None else list(site.sweep.streams),
        ready=lambda: site.ready,
        draining=lambda: site.draining,
        revocations=lambda: 0 if site.security is None else site.security.access.revocations.noted,
    )
