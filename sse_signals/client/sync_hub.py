"""A hub somewhere else, over HTTP, for synchronous programs."""

from __future__ import annotations

import inspect
import os
import random
import secrets
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sse_signals.client.publishing import Pause, Send, checked_timeout, publishing
from sse_signals.client.requests import HubUrl
from sse_signals.client.subscribing import Course
from sse_signals.client.sync_stream import SyncStream
from sse_signals.client.tokens import GetToken, Tokens
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.extras import install
from sse_signals.logs import adapt
from sse_signals.subscriptions import check_gaps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.client.publishing import Accepted, Step
    from sse_signals.client.sync_http import Link
    from sse_signals.client.tokens import TokenSource
    from sse_signals.errors import SignalsGap
    from sse_signals.model import IdempotencyKey, Signal
    from sse_signals.subscriptions import Gaps
    from sse_signals.topics import Filters


class SyncHub:
    """A hub somewhere else. Any thread may use it.

    Connections are kept and used again. They belong to the process in which they were made: one that was forked makes
    others.
    """

    def __init__(self, url: str, *, token: TokenSource, timeout: float, logger: Any) -> None:
        """Know where it is; nothing is connected yet. See `sse_signals.SyncSignalsClient.for_plugin`.

        Raises:
            ConfigurationError: One of these is not what it may be, or urllib3 is not installed.
        """
        checked_timeout(timeout)
        try:
            import_module("sse_signals.client.sync_http")
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != "urllib3":
                raise
            raise ConfigurationError(f"SyncSignalsClient needs the package urllib3: {install('sync')}") from None
        self.url = HubUrl.parse(url)
        self._tokens = Tokens(token)
        self._timeout = timeout
        self._logger = adapt(logger)
        self._links: dict[int, Link] = {}  # by process
        self._streams: dict[SyncStream, None] = {}
        self._closed = False

    @property
    def renews(self) -> bool:
        """Whether there is somebody to ask for a fresh token."""
        return self._tokens.source is not None

    def publish(self, signals: Sequence[Signal], *, key: IdempotencyKey | None = None) -> Accepted:
        """Publish signals as one record; see `sse_signals.SyncSignalsClient.publish`."""
        link = self.link()
        text = secrets.token_urlsafe(16) if key is None else key.key
        steps = publishing(self.url, signals, text, timeout=self._timeout, clock=time.monotonic, fraction=random.random)
        try:
            step: Step = next(steps)
            while True:
                try:
                    outcome = self._do(step, link)
                except Exception as error:  # noqa: BLE001 - whatever a user's token() raises
                    step = steps.throw(error)
                else:
                    step = steps.send(outcome)
        except StopIteration as stop:
            accepted: Accepted = stop.value
            return accepted

    def _do(self, step: Step, link: Link) -> Any:
        match step:
            case Send(request, seconds):
                return link.ask(request, seconds)
            case Pause(seconds, reason):
                self._logger.info("publish not answered", reason=reason, seconds=round(seconds, 3))
                return link.closing.wait(seconds)
            case _:
                return self.token(step, link)

    def token(self, wanted: GetToken, link: Link) -> str | None:
        """Return the token to send; those who ask at once on the same link get the same.

        Raises:
            BrokerUnavailable: Another thread asks for one, and has none in time.
            ConfigurationError: The function that gives it is asynchronous, or gives none.
            Exception: Whatever it raises.
        """
        if self._tokens.good(wanted):
            return self._tokens.held
        seconds = self._timeout if wanted.seconds is None else wanted.seconds
        if not link.asking.acquire(timeout=seconds):
            raise BrokerUnavailable(f"token() has not answered another thread for {seconds:.3g} s")
        try:
            if not self._tokens.good(wanted):
                self._ask()
        finally:
            link.asking.release()
        return self._tokens.held

    def _ask(self) -> None:
        try:
            given = self._tokens.source()  # type: ignore[misc] # good() is true where there is no function
        except StopIteration as error:  # it would end an iteration, or look like a receipt
            raise RuntimeError("token() raised StopIteration") from error
        if inspect.iscoroutine(given):
            given.close()
        if inspect.isawaitable(given):
            raise ConfigurationError("token() is asynchronous: a SyncSignalsClient takes a function that is not.")
        self._tokens.keep(given)

    @contextmanager
    def subscribe(
        self,
        filters: Filters,
        *,
        last_event_id: str | None = None,
        on_gap: Callable[[SignalsGap], object] | None = None,
        gaps: Gaps = "raise",
    ) -> Iterator[SyncStream]:
        """Listen; see `sse_signals.SyncSignalsClient.subscribe`.

        Raises:
            BrokerUnavailable: No stream has come about in time.
            SignalsError: The hub refuses it.
        """
        check_gaps(gaps, on_gap)
        course = Course(self.url, filters, last_event_id, fraction=random.random)
        stream = SyncStream(self, self.link(), course, on_gap=on_gap, gaps=gaps, logger=self._logger)
        self._streams[stream] = None
        try:
            stream.open(self._timeout)
            yield stream
        finally:
            self._streams.pop(stream, None)
            stream.close()

    def close(self) -> None:
        """End all subscriptions and close all connections; whatever comes later is refused."""
        self._closed = True
        for stream in list(self._streams):
            stream.close()
        while self._links:  # those of the process that this one was forked from are copies: it has its own
            self._links.popitem()[1].close()

    def reopen(self) -> None:
        """Take requests again after `close`."""
        self._closed = False

    def link(self) -> Link:
        """Return this process's connections.

        Raises:
            RuntimeError: The client is closed.
        """
        if self._closed:
            raise RuntimeError("the client is closed")
        process = os.getpid()
        link = self._links.get(process)
        if link is None:
            from sse_signals.client.sync_http import Link  # noqa: PLC0415 - urllib3 is there if this was made

            link = self._links.setdefault(process, Link(self.url))  # in one step: threads get the same
        return link
