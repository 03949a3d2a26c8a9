"""Which hosts and which pages may talk to the hub: DNS rebinding, cross-site publishing, CORS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_ALLOWED_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID, Idempotency-Key"


def check_host(request: web.BaseRequest, allowed: Collection[str] | None) -> None:
    """Refuse a request whose ``Host`` is not one of ours; None allows every host.

    Without this a page on the web can point its own name at 127.0.0.1 and read a hub that only listens there (DNS
    rebinding), since for the browser it is then the page's own origin.

    Raises:
        Problem: 400 for none or several hosts, 403 for a foreign one.
    """
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        raise Problem(400, "bad-host", "A request has exactly one Host header.", hint="Send one Host header.")
    if allowed is None or not hosts:
        return
    name = hosts[0].lower()
    name = name[: name.index("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
    if name not in allowed:
        raise Problem(
            403,
            "host-not-allowed",
            "The hub does not answer to this Host.",
            hint="Without authentication it answers only to localhost; start it with --insecure, or allow the host.",
        )


def check_origin(request: web.BaseRequest, allowed: Collection[str]) -> None:
    """Refuse a request from a page that is neither the hub's own nor allow-listed, whatever its credentials.

    Raises:
        Problem: 403.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in allowed or _own(request, origin):
        return
    raise Problem(
        403,
        "origin-not-allowed",
        "Pages of this origin may not use the hub.",
        hint="Add the page's origin, exactly as the browser sends it, to SIGNALS_CORS_ORIGINS.",
    )


def cors(request: web.BaseRequest, allowed: Collection[str]) -> dict[str, str]:
    """Return the CORS headers of a response: the exact origin if it is allow-listed, and nothing otherwise."""
    headers = {"Vary": "Origin, Authorization, Cookie"}
    origin = request.headers.get("Origin")
    if origin is not None and origin in allowed:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = "Retry-After"
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
    try:
        page = urlsplit(origin)
        here = urlsplit("//" + request.headers.get("Host", ""))
        ports = page.port, here.port
    except ValueError:  # a port that is no number
        return False
    default = _DEFAULT_PORTS.get(page.scheme)
    if default is None:
        return False
    return (page.hostname, ports[0] or default) == (here.hostname, ports[1] or default)
