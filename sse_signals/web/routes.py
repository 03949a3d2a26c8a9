"""Which path and method lead where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from sse_signals.web import origins
from sse_signals.web.administration import Administration
from sse_signals.web.client_module import MODULE, TYPES
from sse_signals.web.console import CONSOLE
from sse_signals.web.documents.served import documents
from sse_signals.web.expect import Expectation
from sse_signals.web.health import Health
from sse_signals.web.metrics import MetricsRequests
from sse_signals.web.overview import OverviewRequests
from sse_signals.web.problems import BASE_HEADERS, Problem
from sse_signals.web.publish import Publish
from sse_signals.web.renewals import Renewals
from sse_signals.web.stream import Streaming
from sse_signals.web.tickets import TicketRequests

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.web.site import Site

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


_PATHS: Final = (
    "stream",
    "publish",
    "tickets",
    "streams",
    "streams/{stream}/renew",
    "revocations",
    "drain",
    "health/live",
    "health/ready",
    "metrics",
    "openapi.json",
    "asyncapi.json",
    "client.js",
    "client.d.ts",
    "console",
)


def add_routes(app: web.Application, site: Site) -> None:
    """Add everything below the site's prefix to an application, a clear 404 and 405 included.

    Args:
        app: Any application; it may have routes of its own elsewhere.
        site: What the handlers share.
    """
    publish, health, administration = Publish(site), Health(site), Administration(site)
    expectation = Expectation(site)
    prefix = site.prefix
    # No wrapper around streams: whatever is on their stack stays in memory as long as they do.
    _add(app, site, "GET", f"{prefix}/stream", Streaming(site).handle)
    _add(app, site, "POST", f"{prefix}/publish", site.guarded(publish.handle), expectation.handle)
    for path, handle in (
        ("tickets", TicketRequests(site).handle),
        ("streams/{stream}/renew", Renewals(site).handle),
        ("revocations", administration.revoke),
        ("drain", administration.drain),
        ("drains", administration.drain),  # as it was called first
    ):
        _add(app, site, "POST", f"{prefix}/{path}", site.guarded(handle), expectation.handle)
    _add(app, site, "GET", f"{prefix}/streams", site.guarded(OverviewRequests(site).handle))
    for name, handler in (("live", health.live), ("ready", health.ready)):
        _add(app, site, "GET, HEAD", f"{prefix}/health/{name}", site.guarded(handler))
    _add(app, site, "GET, HEAD", f"{prefix}/metrics", site.guarded(MetricsRequests(site).handle))
    for name, asset in (("client.js", MODULE), ("client.d.ts", TYPES), *CONSOLE.items()):
        _add(app, site, "GET, HEAD", f"{prefix}/{name}", site.guarded(asset.handle))
    for name, document in documents().items():
        _add(app, site, "GET, HEAD", f"{prefix}/{name}", site.guarded(document.handle))
    app.router.add_route("*", prefix + "/{tail:.*}", not_found(site), expect_handler=site.expect)


def not_found(site: Site) -> Handler:
    """Return a handler that says there is nothing here, and what there is."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        paths = ", ".join(f"{site.prefix}/{path}" for path in _PATHS)
        raise Problem(404, "not-found", "There is nothing at this path.", hint=f"There are: {paths}.")

    return site.guarded(handle)


def _add(
    app: web.Application,
    site: Site,
    methods: str,
    path: str,
    handler: Handler,
    expect: Callable[[web.Request], Awaitable[web.StreamResponse | None]] | None = None,
) -> None:
    async def preflight(request: web.Request) -> web.StreamResponse:
        site.check_origin(request)
        headers = {**BASE_HEADERS, **site.cors(request), **origins.preflight(f"{methods}, OPTIONS")}
        return web.Response(status=204, headers=headers)

    async def wrong_method(request: web.Request) -> web.StreamResponse:
        raise Problem(
            405,
            "method-not-allowed",
            f"{request.method} is not for this path.",
            hint=f"Use {methods}.",
            headers={"Allow": f"{methods}, OPTIONS"},
        )

    resource = app.router.add_resource(path)
    for method in methods.split(", "):
        resource.add_route(method, handler, expect_handler=expect or site.expect)
    resource.add_route("OPTIONS", site.guarded(preflight), expect_handler=site.expect)
    resource.add_route("*", site.guarded(wrong_method), expect_handler=site.expect)
