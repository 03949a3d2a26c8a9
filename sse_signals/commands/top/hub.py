"""Asking a hub for the overview of its streams."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import orjson
from yarl import URL

from sse_signals.client.answers import Answer, phrase
from sse_signals.client.http import told
from sse_signals.client.refusals import refusal
from sse_signals.client.requests import CONNECT, HubUrl
from sse_signals.commands.top.document import overview
from sse_signals.commands.top.members import Unreadable
from sse_signals.errors import BrokerUnavailable, UnexpectedAnswer

if TYPE_CHECKING:
    from types import TracebackType

    from sse_signals.client.tokens import TokenSource
    from sse_signals.commands.top.document import Overview

PATIENCE: Final = 5.0  # seconds that an answer may take
MOST: Final = 16 * 1024 * 1024  # bytes of an answer; a thousand streams with long topics are 5 MB
_OK, _MISSING = 200, 404
_URL_HINT: Final = "Check the URL: it ends with the prefix of the hub's routes, by default /signals."


class Hub:
    """A hub, and a connection to it that is kept. Used as an asynchronous context manager.

    It follows no redirect, keeps no cookie, and takes no proxy or credentials from the environment.

    Attributes:
        url: Where it is, with the prefix of its routes.
    """

    def __init__(self, url: str, token: TokenSource, *, limit: int, verify: bool = True) -> None:
        """Know where it is; nothing is connected yet.

        Args:
            url: Where it is.
            token: Who asks, or what returns that each time.
            limit: Of how many streams it shall tell.
            verify: Whether its certificate has to be valid.

        Raises:
            ConfigurationError: It is no URL of a hub.
        """
        self.url = HubUrl.parse(url).prefix
        self._asked = URL(f"{self.url}/streams?limit={limit}", encoded=True)
        self._token = token
        self._verify = verify

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._verify),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=PATIENCE, sock_connect=CONNECT),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ask(self) -> tuple[dict[str, Any], Overview]:
        """Return what it says, as JSON and as what that means.

        Raises:
            BrokerUnavailable: It cannot be reached.
            SignalsError: It says no, or what no hub says.
            ConfigurationError: There is no token where there should be one.
        """
        answer = await self._get()
        if answer.status == _MISSING:
            detail = f"{self.url} has no overview of streams: it is no hub, or older than this command."
            raise UnexpectedAnswer(_MISSING, phrase(_MISSING), detail, hint=_URL_HINT)
        if answer.status != _OK:
            raise refusal(answer, self.url)
        try:
            document = orjson.loads(answer.body)
            return document, overview(document)
        except orjson.JSONDecodeError:
            detail = f"What {self.url} answers is no JSON, and so no hub's."
            raise UnexpectedAnswer(_OK, phrase(_OK), detail, hint=_URL_HINT) from None
        except Unreadable as error:
            detail = f"What {self.url} answers is no overview of streams that this version can read: {error}."
            hint = "Check the URL, and whether hub and command have the same version."
            raise UnexpectedAnswer(_OK, phrase(_OK), detail, hint=hint) from None

    async def _get(self) -> Answer:
        # Options give no function but one that reads a file.
        token = await asyncio.to_thread(self._token) if callable(self._token) else self._token
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with self._session.get(self._asked, headers=headers, allow_redirects=False) as response:
                return Answer(response.status, response.headers, await self._read(response))
        except TimeoutError:
            reason = f"no answer within {PATIENCE:g} s"
        except (aiohttp.ClientError, OSError) as error:
            reason = told(error)
        raise BrokerUnavailable(f"{self.url} cannot be reached: {reason}.")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > MOST:
                raise BrokerUnavailable(f"{self.url} answers with more than {MOST} bytes, which no hub does.")
        return bytes(body)
