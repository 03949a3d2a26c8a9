"""A hub somewhere else, over HTTP, for asynchronous programs."""

from __future__ import annotations

import asyncio
import inspect
import random
import secrets
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sse_signals.client.http import Link, new_link
from sse_signals.client.publishing import TIMEOUT, Pause, Send, checked_timeout, publishing
from sse_signals.client.remote_stream import RemoteStream
from sse_signals.client.requests import LIVE, HubUrl
from sse_signals.client.subscribing import Course
from sse_signals.client.tokens import GetToken, Tokens
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.identity import ANONYMOUS
from sse_signals.logs import adapt
from sse_signals.subscriptions import check_gaps

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from ssl import SSLContext

    from sse_signals.client.publishing import Accepted, Step
    from sse_signals.client.requests import Start
    from sse_signals.client.tokens import TokenSource
    from sse_signals.errors import SignalsGap
    from sse_signals.identity import Identity
    from sse_signals.model import IdempotencyKey, Signal
    from sse_signals.subscriptions import Gaps, SignalEvent, SignalStream
    from sse_signals.topics import Filters


class RemoteHub:
    """A hub somewhere else; see `sse_signals.subscriptions.Subscriptions`.

    Connections are kept and used again. They belong to the event loop in which they were made: in another one, others
    are made.
    """

    def __init__(
        self,
        url: str,
        *,
        token: TokenSource = None,
        timeout: float = TIMEOUT,
        logger: Any = None,
        tls: SSLContext | None = None,
    ) -> None:
        """Know where it is; nothing is connected yet.

        Args:
            url: ``http://host:port``, or with the prefix of the hub's routes if that is not ``/signals``.
            token: The bearer token, or a function that returns it, which may be asynchronous.
            timeout: Seconds in which a publish has its answer, all tries together, and a subscription is open.
            logger: A structlog or standard logger.
            tls: How certificates are verified; None as usual.

        Raises:
            ConfigurationError: One of these is not what it may be.
        """
        checked_timeout(timeout)
        self.url = HubUrl.parse(url)
        self._tokens = Tokens(token)
        self._timeout = timeout
        self._logger = adapt(logger)
        self._tls = tls
        self._links: dict[asyncio.AbstractEventLoop, Link] = {}
        self._streams: set[RemoteStream] = set()
        self._closed = False

    @property
    def renews(self) -> bool:
        """Whether there is somebody to ask for a fresh token."""
        return self._tokens.source is not None

    async def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Accepted:
        """Publish signals as one record; see `sse_signals.SignalsClient.publish`."""
        link = await self._link()
        text = secrets.token_urlsafe(16) if key is None else key.key
        steps = publishing(self.url, signals, text, timeout=self._timeout, clock=time.monotonic, fraction=random.random)
        try:
            step: Step = next(steps)
            while True:
                try:
                    outcome = await self._do(step, link)
                except Exception as error:  # noqa: BLE001 - whatever a user's token() raises
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as stop:
            accepted: Accepted = stop.value
            return accepted

    async def _do(self, step: Step, link: Link) -> Any:
        match step:
            case Send(request, seconds):
                return await link.ask(request, seconds)
            case Pause(seconds, reason):
                self._logger.info("publish not answered", reason=reason, seconds=round(seconds, 3))
                return await link.pause(seconds)
            case _:
                return await self._token(step, link)

    async def token(self, wanted: GetToken) -> str | None:
        """Return the token to send; those who ask at once get the same.

        Raises:
            BrokerUnavailable: The function that gives it does not answer in time.
            Exception: Whatever it raises.
        """
        return await self._token(wanted, await self._link())

    async def _token(self, wanted: GetToken, link: Link) -> str | None:
        if self._tokens.good(wanted):
            return self._tokens.held
        seconds = self._timeout if wanted.seconds is None else wanted.seconds
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline, link.asking:
                if not self._tokens.good(wanted):
                    await self._ask()
        except TimeoutError:
            if not deadline.expired():  # the function's own
                raise
            raise BrokerUnavailable(f"token() has not answered for {seconds:.3g} s") from None
        return self._tokens.held

    async def _ask(self) -> None:
        given = self._tokens.source()  # type: ignore[misc] # good() is true where there is no function
        self._tokens.keep(await given if inspect.isawaitable(given) else given)

    @asynccontextmanager
    async def subscribe(
        self,
        filters: Filters,
        *,
        identity: Identity = ANONYMOUS,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
        start: Start = LIVE,
    ) -> AsyncIterator[SignalStream[SignalEvent | SignalsGap]]:
        """Listen; see `sse_signals.SignalsClient.subscribe`.

        ``start`` says where a subscription without an id starts. One that polls ends by itself.

        Raises:
            ConfigurationError: An identity is given.
            BrokerUnavailable: No stream has come about in time.
            SignalsError: The hub refuses it.
        """
        check_gaps(gaps, on_gap)
        if identity != ANONYMOUS:
            raise ConfigurationError("Who listens to a remote hub is who its token says: leave identity out.")
        course = Course(self.url, filters, last_event_id, fraction=random.random, start=start)
        stream = RemoteStream(self, await self._link(), course, on_gap=on_gap, gaps=gaps, logger=self._logger)
        self._streams.add(stream)
        try:
            await stream.open(self._timeout)
            yield stream
        finally:
            self._streams.discard(stream)
            await stream.close()

    async def close(self) -> None:
        """End all subscriptions of this loop and close its connections; whatever comes later is refused."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for stream in [each for each in list(self._streams) if each.loop is loop]:
            await stream.close()
        link = self._links.pop(loop, None)
        if link is not None:
            await link.close()

    def reopen(self) -> None:
        """Take requests again after `close`."""
        self._closed = False

    async def _link(self) -> Link:
        if self._closed:
            raise RuntimeError("the client is closed")
        loop = asyncio.get_running_loop()
        link = self._links.get(loop)
        if link is None:
            link = self._links[loop] = new_link(self._tls)  # before anything is waited for: other tasks want it, too
            for old in [each for each in list(self._links) if each.is_closed()]:
                left = self._links.pop(old, None)  # other threads may have loops, and tidy up, too
                if left is not None:
                    await left.close()
        return link
