"""Which hosts and which pages may talk to the hub: DNS rebinding, cross-site publishing, CORS."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

from sse_signals.errors import ConfigurationError
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_NAME: Final = r"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?"
_HOST: Final = re.compile(_NAME)
_ORIGIN: Final = re.compile(f"(https?)://{_NAME}")
_ALLOWED_HEADERS: Final = (
    "Authorization, Content-Type, Last-Event-ID, Idempotency-Key, X-Request-Id, traceparent, tracestate"
)


def host_names(allowed: Collection[str] | None) -> Collection[str] | None:
    """Return hosts to answer to as they are compared; None is every host.

    Raises:
        ConfigurationError: One is no name of a host.
    """
    if allowed is None:
        return None
    names = frozenset() if isinstance(allowed, str) else frozenset(name.lower() for name in allowed)
    if not names or not all((match := _HOST.fullmatch(name)) and match[2] is None for name in names):
        detail = "it may be a set of names without ports, such as {'app.example.com'}, or None for every host."
        raise ConfigurationError(f"allowed_hosts is {allowed!r}: {detail}")
    return names


def check_host(request: web.BaseRequest, allowed: Collection[str] | None) -> None:
    """Refuse a request whose ``Host`` is not one of ours; None allows every host.

    Without this a page on the web can point its own name at 127.0.0.1 and read a hub that only listens there (DNS
    rebinding), since for the browser it is then the page's own origin.

    Raises:
        Problem: 400 for none or several hosts, 403 for a foreign one.
    """
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        raise Problem(400, "bad-host", "A request has exactly one Host header.", hint="Send one Host header.")
    if allowed is None or not hosts:
        return
    host = _HOST.fullmatch(hosts[0].lower())
    if host is None or host[1] not in allowed:
        raise Problem(
            403,
            "host-not-allowed",
            "The hub does not answer to this Host.",
            hint="Without authentication it answers only to localhost: set SIGNALS_AUTH, or start it "
            "with --insecure; an application of your own may allow the name with allowed_hosts=.",
        )


def check_origin(request: web.BaseRequest, allowed: Collection[str]) -> None:
    """Refuse a request from a page that is neither the hub's own nor allow-listed, whatever its credentials.

    Raises:
        Problem: 403.
    """
    origins = request.headers.getall(hdrs.ORIGIN, [])
    if not origins or (len(origins) == 1 and (origins[0] in allowed or _own(request, origins[0]))):
        return
    raise Problem(
        403,
        "origin-not-allowed",
        "Pages of this origin may not use the hub.",
        hint="Allow the page's origin, exactly as the browser sends it: SIGNALS_CORS_ORIGINS, or cors_origins=.",
    )


def cors(request: web.BaseRequest, allowed: Collection[str]) -> dict[str, str]:
    """Return the CORS headers of a response: the exact origin if it is allow-listed, and nothing otherwise."""
    headers: dict[str, str] = {hdrs.VARY: "Origin, Authorization, Cookie"}
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and origin in allowed:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = "Retry-After, X-Request-Id"
    return headers


def preflight(methods: str) -> dict[str, str]:
    """Return what a CORS preflight is told besides `cors`."""
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
        "Access-Control-Max-Age": "600",
    }


def _own(request: web.BaseRequest, origin: str) -> bool:
    """Compare host and port, not the scheme: behind a proxy that ends TLS the hub itself is spoken to over HTTP."""
    page = _ORIGIN.fullmatch(origin)
    here = _HOST.fullmatch(request.headers.get(hdrs.HOST, "").lower())
    if page is None or here is None:
        return False
    default = _DEFAULT_PORTS[page[1]]
    return (page[2], page[3] or default) == (here[1], here[2] or default)
