"""Cookies: reading them without surprises, those of one-time tickets, and which pages they may speak for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sse_signals.web.origins import check_origin
from sse_signals.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiohttp import web

MOST_SESSIONS: Final = 8  # of one browser: with their names they take less than half of what its header may have
_MOST_DROPPED: Final = 16  # by one response: a proxy in front has little room for its head
_SESSION: Final = "signals-session-"
_SESSION_NAME: Final = re.compile(_SESSION + "[0-9a-f]{16}")
_ATTRIBUTES: Final = "HttpOnly; Secure; SameSite=Lax"


def cookies_of(request: web.BaseRequest, name: str) -> list[str]:
    """Return the values of every cookie of this name, in the order in which they came.

    A request has more than one when somebody else sets cookies for the same host. Every ``;`` ends a cookie, in quotes
    too (RFC 6265, section 5.4, which has no quoting); quotes around a whole value are taken off.
    """
    return [_unquoted(value) for found, value in _pairs(request) if found == name]


def session_name(session: str) -> str:
    """Return the name of a session's cookie: each has its own, so that the streams of one browser have theirs."""
    return _SESSION + session[:16]


def session_cookie(session: str, value: str, *, path: str, lasts: int) -> str:
    """Return a ``Set-Cookie`` value.

    Args:
        session: The session's name.
        value: The cookie's value.
        path: The only path it is sent to: the stream's.
        lasts: Seconds.
    """
    return f"{session_name(session)}={value}; Path={path}; Max-Age={lasts}; {_ATTRIBUTES}"


def dropped_sessions(request: web.BaseRequest, session: str, *, path: str) -> list[str]:
    """Return ``Set-Cookie`` values that leave a browser with the newest few session cookies, the given one among them.

    Browsers keep the cookies of streams that ended long ago, and one whose ``Cookie`` header grows too long for the
    HTTP parser could do nothing here any more. They send the oldest cookies first (RFC 6265, section 5.4).
    """
    own = session_name(session)
    others = dict.fromkeys(name for name, _ in _pairs(request) if _SESSION_NAME.fullmatch(name) and name != own)
    too_many = max(0, len(others) + 1 - MOST_SESSIONS)
    return [f"{name}=; Path={path}; Max-Age=0; {_ATTRIBUTES}" for name in list(others)[:too_many]][:_MOST_DROPPED]


def check_cookie_origin(request: web.BaseRequest, allowed: Collection[str]) -> None:
    """Refuse a request that a cookie speaks for unless the browser says that a page of ours or an allowed one sent it.

    Browsers add cookies to whatever any page asks for. They say which page it was in ``Origin``, or, for a ``GET`` to
    the page's own origin, in ``Sec-Fetch-Site`` (W3C Fetch Metadata).

    Args:
        request: A request with a cookie that counts.
        allowed: Origins of pages that may use the hub besides its own.

    Raises:
        Problem: 403: ``origin-not-allowed``, or ``origin-missing`` when nothing says where it comes from.
    """
    check_origin(request, allowed)
    if _is_listed(request, allowed):
        return
    sites = request.headers.getall("Sec-Fetch-Site", [])
    if not sites and "Origin" not in request.headers:
        raise Problem(
            403,
            "origin-missing",
            "Nothing says which page sent this cookie.",
            hint="Browsers say it with Origin or Sec-Fetch-Site; other clients send 'Authorization: Bearer …' instead.",
        )
    if sites and sites != ["same-origin"]:
        raise _foreign()


def check_ticket_origin(request: web.BaseRequest, allowed: Collection[str]) -> None:
    """Refuse a ticket that a page shows which is neither ours nor allowed; clients without pages may show one.

    Otherwise somebody else's page could make a browser a session of somebody else.

    Args:
        request: A request with a ticket that was not used yet.
        allowed: Origins of pages that may use the hub besides its own.

    Raises:
        Problem: 403, ``origin-not-allowed``.
    """
    check_origin(request, allowed)
    sites = request.headers.getall("Sec-Fetch-Site", [])
    if sites not in ([], ["same-origin"], ["none"]) and not _is_listed(request, allowed):
        raise _foreign()


def _is_listed(request: web.BaseRequest, allowed: Collection[str]) -> bool:
    return request.headers.get("Origin", "") in allowed


def _foreign() -> Problem:
    return Problem(
        403,
        "origin-not-allowed",
        "A page of another site may not use the hub with a ticket or cookie.",
        hint="Use the browser module with a bearer token there, or allow the page's origin: SIGNALS_CORS_ORIGINS.",
    )


def _pairs(request: web.BaseRequest) -> list[tuple[str, str]]:
    pairs = []
    for header in request.headers.getall("Cookie", []):
        for part in header.split(";"):
            name, separator, value = part.partition("=")
            if separator:
                pairs.append((name.strip(" \t"), value.strip(" \t")))
    return pairs


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
