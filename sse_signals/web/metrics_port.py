"""The port of metrics and health: for monitoring and load balancers, which need nothing else and no credentials."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from aiohttp import hdrs, web

from sse_signals.life.shared import Shared
from sse_signals.metrics.crew import FAMILIES
from sse_signals.metrics.joined import packed
from sse_signals.metrics.rendering import rendered, wants_openmetrics
from sse_signals.web import origins
from sse_signals.web.health import not_ready
from sse_signals.web.problems import BASE_HEADERS, Problem, internal_error
from sse_signals.web.request_ids import REQUEST_ID, request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from prometheus_client.core import Metric

    from sse_signals.metrics.crew import Crew
    from sse_signals.web.site import Site

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

METHODS: Final = "GET, HEAD"
_NO_STORE: Final[Mapping[str, str]] = {**BASE_HEADERS, hdrs.CACHE_CONTROL: "no-store"}


class Behind(Protocol):
    """What the port tells of."""

    async def exposition(self) -> Sequence[Metric]:
        """Return what is measured."""
        ...

    async def ready(self) -> web.Response:
        """Return the answer to who asks whether requests should be sent here.

        Raises:
            Problem: They should not.
        """
        ...


class OneSite:
    """A hub of one process, or one worker of several."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def exposition(self) -> Sequence[Metric]:
        """Return what this process measures."""
        return await self._site.metrics.families()

    async def ready(self) -> web.Response:
        """Return the answer of this process; see `Behind`."""
        problem = not_ready(self._site)
        if problem is not None:
            raise problem
        return _status("ready")


class WholeCrew:
    """All workers of a hub, seen from the process that started them."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._gathered = Shared["Sequence[Metric]"]()

    async def exposition(self) -> Sequence[Metric]:
        """Return what all workers measure that answer; scrapes at the same time share it."""
        return await self._gathered.get(self._crew.exposition)

    async def ready(self) -> web.Response:
        """Return the answer of a worker, of one that is ready if possible; see `Behind`."""
        said = await self._crew.ready()
        if said is None:
            hint = "Ask again after Retry-After; if it stays, read the hub's log: its workers hang or do not start."
            raise Problem(503, "no-worker", "No worker of the hub answers.", hint=hint, headers={"Retry-After": "2"})
        headers = dict(_NO_STORE)
        if said.retry_after:
            headers[hdrs.RETRY_AFTER] = said.retry_after
        return web.Response(status=said.status, body=said.body, content_type=said.content_type, headers=headers)


class MetricsPort:
    """The handlers of the port: a few paths, and nothing else whatever is asked."""

    def __init__(self, behind: Behind, *, prefix: str, hosts: Collection[str] | None, logger: Any) -> None:
        """Make them.

        Args:
            behind: What it tells of.
            prefix: The path that all routes of the hub begin with.
            hosts: Hosts it answers to; None for all.
            logger: Where it is told when an answer fails.
        """
        self._behind = behind
        self._hosts = hosts
        self._logger = logger
        handlers: dict[str, Handler] = {
            "/metrics": self._metrics,
            "/health/live": self._live,
            "/health/ready": self._ready,
        }
        self._paths = {start + path: handle for start in ("", prefix) for path, handle in handlers.items()}

    def application(self) -> web.Application:
        """Return an application that answers these paths, and anything else with a problem."""
        app = web.Application(logger=self._logger)
        for path, handle in self._paths.items():
            resource = app.router.add_resource(path)
            for method in METHODS.split(", "):
                resource.add_route(method, self._guarded(handle), expect_handler=_expect)
            resource.add_route("*", self._guarded(_wrong_method), expect_handler=_expect)
        app.router.add_route("*", "/{tail:.*}", self._guarded(self._not_found), expect_handler=_expect)
        return app

    def _guarded(self, handle: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            always: dict[str, str] = {REQUEST_ID: request_id(request)}
            try:
                self._check_host(request)
                response = await handle(request)
            except Problem as problem:
                return problem.response(always)
            except Exception:  # every failure gets an answer
                self._logger.exception("request failed", path=request.path, request_id=request_id(request))
                return internal_error().response(always)
            response.headers.update(always)
            return response

        return guarded

    def _check_host(self, request: web.Request) -> None:
        try:
            origins.check_host(request, self._hosts)
        except Problem:
            hint = "Ask for localhost, or set SIGNALS_METRICS_HOST to the address that others reach."
            raise Problem(403, "host-not-allowed", "This port does not answer to this Host.", hint=hint) from None

    async def _metrics(self, request: web.Request) -> web.Response:
        families = await self._behind.exposition()
        accept = ",".join(request.headers.getall(hdrs.ACCEPT, []))
        time = asyncio.get_running_loop().time
        body, content_type = await rendered(families, openmetrics=wants_openmetrics(accept), time=time)
        return web.Response(body=body, headers={**_NO_STORE, hdrs.CONTENT_TYPE: content_type})

    async def _live(self, _request: web.Request) -> web.Response:
        return _status("live")

    async def _ready(self, _request: web.Request) -> web.Response:
        return await self._behind.ready()

    async def _not_found(self, _request: web.Request) -> web.Response:
        there = ", ".join(self._paths)
        raise Problem(
            404, "not-found", "There is nothing at this path of the metrics' port.", hint=f"There are: {there}."
        )


def add_families(app: web.Application, site: Site) -> None:
    """Add to an application what only the workers ask each other for: what one process alone measures, packed."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(body=packed(await site.metrics.families()), content_type="application/json")

    app.router.add_get(FAMILIES, handle)


def _status(status: str) -> web.Response:
    return web.Response(
        body=orjson.dumps({"status": status}, option=orjson.OPT_APPEND_NEWLINE),
        content_type="application/json",
        headers=_NO_STORE,
    )


async def _expect(_request: web.Request) -> None:
    """Take no notice of ``Expect``: no body is wanted here, and the answer itself is what the client waits for."""


async def _wrong_method(request: web.Request) -> web.Response:
    raise Problem(
        405,
        "method-not-allowed",
        f"{request.method} is not for this path.",
        hint=f"Use {METHODS}.",
        headers={hdrs.ALLOW: METHODS},
    )
