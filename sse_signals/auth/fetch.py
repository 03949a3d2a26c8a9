"""Fetching small JSON documents from an issuer, within bounds."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson
from yarl import URL

from sse_signals.errors import ConfigurationError, IssuerUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from structlog.typing import FilteringBoundLogger

_CONNECTIONS: Final = 16  # to all issuers together
_OK: Final = 200


class IssuerAnswered(IssuerUnavailable):
    """An issuer answered, but with another status than 200.

    Attributes:
        status: The HTTP status.
    """

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(detail)
        self.status = status


class Fetch:
    """Fetches JSON over HTTP.

    It follows no redirect, keeps no cookie, takes no proxy from the environment, and asks for no compression. Its
    connections belong to the event loop in which it is first used.

    Args:
        logger: Where each fetch is told, at level debug.
        timeout: Seconds that one may take altogether.
        limit: Bytes that a body may have.
        plain_http: Whether ``http`` is allowed to hosts other than this one. Whoever sits between could then answer in
            the issuer's place, with keys of his own.
    """

    def __init__(
        self,
        logger: FilteringBoundLogger,
        *,
        timeout: float = 5.0,
        limit: int = 1024 * 1024,
        plain_http: bool = False,
    ) -> None:
        self._logger = logger
        self._timeout = timeout
        self._limit = limit
        self._plain_http = plain_http
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def check(self, url: str) -> None:
        """Check that a URL is one to fetch from.

        Raises:
            ConfigurationError: It is not; the text says why.
        """
        try:
            parsed = URL(url)
            host, port = parsed.host, parsed.port
        except ValueError:
            raise ConfigurationError("the issuer's URL cannot be read") from None
        if parsed.scheme not in {"https", "http"} or not host or not port:
            raise ConfigurationError("the issuer's URL does not begin with https:// and a host")
        if parsed.user is not None or parsed.password is not None or parsed.fragment:
            raise ConfigurationError("the issuer's URL holds a user name, a password or a fragment")
        if parsed.scheme == "http" and not self._plain_http and not _loopback(host):
            raise ConfigurationError("the issuer's URL is plain http to another host: use https")

    async def json(self, url: str, *, headers: Mapping[str, str] | None = None) -> Any:  # any JSON value
        """Return the JSON that a URL answers a GET request with.

        Args:
            url: Where.
            headers: Headers besides, such as credentials. They are never logged.

        Raises:
            IssuerAnswered: The status is not 200.
            IssuerUnavailable: There is no answer in time, it is too long, or it is no JSON.
        """
        body = await self._body(url, headers or {})
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise IssuerUnavailable("the answer is not JSON") from None
        self._logger.debug("fetched", url=shown(url), bytes=len(body))
        return value

    async def close(self) -> None:
        """Close all connections; what is under way fails, and so does whatever comes later."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _body(self, url: str, headers: Mapping[str, str]) -> bytes:
        try:
            self.check(url)
            async with asyncio.timeout(self._timeout):
                return await self._get(url, headers)
        except ConfigurationError as error:
            raise IssuerUnavailable(str(error)) from None
        except TimeoutError:
            raise IssuerUnavailable(f"there was no answer within {self._timeout:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise IssuerUnavailable(f"no connection: {error.strerror or type(error).__name__}") from None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # Their texts may hold what was sent.
            raise IssuerUnavailable(f"the request failed ({type(error).__name__})") from None

    async def _get(self, url: str, headers: Mapping[str, str]) -> bytes:
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        async with self._open().get(url, headers=sent, allow_redirects=False) as response:
            if response.status != _OK:
                raise IssuerAnswered(f"it answered with status {response.status}", response.status)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise IssuerUnavailable("the answer is compressed, which was not asked for")
            body = bytearray()
            while chunk := await response.content.readany():
                body += chunk
                if len(body) > self._limit:
                    raise IssuerUnavailable(f"the answer is longer than {self._limit} bytes")
            return bytes(body)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise IssuerUnavailable("the hub is stopping")
        if self._session is None:  # not before an event loop runs
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(url: str) -> str:
    """Return a URL as it may stand in a log: without its query, which may hold a key."""
    return str(URL(url).with_query(None))
