"""From a request to who sent it: which credential counts, and which are refused because of where they travel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

from sse_signals.errors import IssuerUnavailable, NotAuthenticated
from sse_signals.web.address import NO_PROXIES, client_address
from sse_signals.web.cookies import check_cookie_origin, cookies_of
from sse_signals.web.problems import Problem
from sse_signals.web.request_ids import request_id

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from aiohttp import web

    from sse_signals.identity import Identity
    from sse_signals.life.access import Access
    from sse_signals.web.address import Proxies

# RFC 6750, section 2.1; the scheme's name is case-insensitive (RFC 9110, section 11.1).
_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*) *")
_IN_URL: Final = frozenset(
    {"access_token", "api_key", "apikey", "auth", "authorization", "bearer", "id_token", "jwt", "token"}
)
# A JWT's header begins with {" and an API key with sse_.
_SECRET: Final = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|sse_[A-Za-z0-9_-]{43}")


class Identification:
    """Says who sent a request."""

    def __init__(
        self,
        access: Access,
        *,
        cookie: str | None = None,
        cors_origins: Collection[str] = frozenset(),
        proxies: Proxies = NO_PROXIES,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make it.

        Args:
            access: Says who shows a token.
            cookie: The name of a cookie that may hold a token, or None.
            cors_origins: Origins of pages whose requests a cookie may speak for, besides the hub's own.
            proxies: Proxies that are believed about where a request comes from.
            ready: Says whether it is known who is revoked.
        """
        self._ready = ready
        self._access = access
        self._cookie = cookie
        self._cors_origins = cors_origins
        self._proxies = proxies

    async def identify(self, request: web.BaseRequest) -> Identity:
        """Return who sent a request, by its ``Authorization`` header or its cookie.

        Raises:
            Problem: 400 for credentials that contradict each other or stand in the URL, 403 for a cookie that a page of
                another origin may have sent.
            NotAuthenticated: It shows nothing, or what it shows is no good.
            IssuerUnavailable: What it shows cannot be checked at the moment.
            TooMany: Too many have failed where it comes from.
        """
        refuse_tokens_in_url(request.query)
        if not self._ready():
            raise IssuerUnavailable("the hub is starting, and does not know yet who is revoked")
        address, known_as = client_address(request, self._proxies), request_id(request)
        try:
            token, cookie = bearer(request), self._cookie_of(request)
        except NotAuthenticated as error:
            self._access.tell(error, address, known_as)
            raise
        if token is None and cookie is None:
            return self._access.nobody(address, known_as)
        if cookie is not None:
            check_cookie_origin(request, self._cors_origins)
        shown = [each for each in (token, cookie) if each is not None]
        identities = [await self._access.authenticate(each, address, known_as) for each in shown]
        if len({identity.subject for identity in identities}) > 1:
            raise contradiction("The Authorization header and the cookie are of different subjects.")
        return identities[0]

    def shows(self, request: web.BaseRequest) -> bool:
        """Say whether a request shows a credential, good or not."""
        return hdrs.AUTHORIZATION in request.headers or (
            self._cookie is not None and bool(cookies_of(request, self._cookie))
        )

    def _cookie_of(self, request: web.BaseRequest) -> str | None:
        values = cookies_of(request, self._cookie) if self._cookie is not None else []
        if len(set(values)) > 1:
            raise contradiction(f"The cookie {self._cookie} is there more than once.")
        return values[0] if values else None


def bearer(request: web.BaseRequest) -> str | None:
    """Return the token of a request's ``Authorization`` header, or None when there is no such header.

    Raises:
        Problem: 400 for several headers.
        NotAuthenticated: It is of another scheme, or broken.
    """
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    if len(headers) > 1:
        raise contradiction("There are several Authorization headers.")
    if not headers:
        return None
    found = _BEARER.fullmatch(headers[0])
    if found is None:
        raise NotAuthenticated(
            "bad-authorization",
            "The Authorization header holds no bearer token, or characters that none may hold.",
            hint="Write 'Authorization: Bearer', one space, and the token or API key, without quotes; if it came from "
            "a variable of the shell, check that it is set.",
        )
    return found[1]


def contradiction(detail: str) -> Problem:
    """Return the problem of credentials of which nobody can say which one counts."""
    return Problem(400, "ambiguous-credentials", detail, hint="Send one credential.")


def refuse_tokens_in_url(query: Mapping[str, str]) -> None:
    """Refuse bearer tokens in URLs: these stand in logs, histories and referrers.

    Raises:
        Problem: 400 with what to do instead.
    """
    for name, value in query.items():
        if name.lower() in _IN_URL or _SECRET.fullmatch(value):
            raise Problem(
                400,
                "token-in-url",
                "A token does not belong in a URL, where others can read it.",
                hint="Send it as 'Authorization: Bearer …'. For an EventSource, POST it to …/tickets, and use the "
                "one-time ticket. Take this token out of use: it may stand in logs by now.",
            )
