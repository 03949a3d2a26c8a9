"""A subscription to a remote hub in a synchronous program: connected by itself for as long as it is open."""

from __future__ import annotations

import os
import random
import threading
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from sse_signals.client.answers import Answer, is_stream
from sse_signals.client.inbox import Inbox
from sse_signals.client.publishing import ONE_TRY
from sse_signals.client.subscribing import OPENING, renew_again, renewed
from sse_signals.client.tokens import GetToken
from sse_signals.errors import BrokerUnavailable, SignalsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.client.received import RemoteEvent
    from sse_signals.client.subscribing import Again, Course
    from sse_signals.client.sync_http import Link
    from sse_signals.client.sync_hub import SyncHub
    from sse_signals.client.sync_wire import Wire
    from sse_signals.errors import SignalsGap
    from sse_signals.subscriptions import Gaps


class SyncStream:
    """An open subscription: an iterator without end.

    It reads when it is asked for the next event, and no more than has come: what a busy program has not read waits at
    the hub. One thread at a time gets the next event; any may `close` it, a signal handler, too.
    """

    def __init__(
        self,
        hub: SyncHub,
        link: Link,
        course: Course,
        *,
        on_gap: Callable[[SignalsGap], object] | None,
        gaps: Gaps,
        logger: Any,
    ) -> None:
        self._hub = hub
        self._link = link
        self._course = course
        self._logger = logger
        self._inbox = Inbox(course.last_event_id, on_gap=on_gap, gaps=gaps)
        self._process = os.getpid()
        self._turn = threading.Lock()  # held by whoever reads
        self._leaving = threading.Event()
        self._wire: Wire | None = None
        self._error: SignalsError | None = None
        self._wanted = GetToken()
        self._token: str | None = None
        self._shown: str | None = None  # the token of the last renewal
        self._renewals = 0  # of this stream, that have failed
        self._connect_at = self._renew_at = monotonic()
        self._why: str | None = None  # what came of the last try
        self._waiting = "token() has not answered"  # for what, on the first

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what the iteration has given so far; None while there is no such place."""
        return self._inbox.last_event_id

    def open(self, seconds: float) -> None:
        """Begin, and return once there is a stream, so that whatever is published from then on comes.

        Raises:
            BrokerUnavailable: There is none in time.
            SignalsError: The hub refuses it.
        """
        until = monotonic() + seconds
        with self._turn:
            while not self._course.opened:
                left = until - monotonic()
                if left <= 0 or self._leaving.is_set():
                    where, why = self._hub.url.prefix, self._why or self._waiting
                    raise BrokerUnavailable(f"{where} has given no stream within {seconds:g} s: {why}")
                before = self._why
                self._step(left)
                if monotonic() >= until:
                    self._why = before  # the last try had not the time that one needs

    def close(self) -> None:
        """Close the connection, at once; the iteration ends, in whatever thread it is waiting."""
        self._leaving.set()
        wire = self._wire
        if wire is not None and self._process == os.getpid():  # what a forked process has belongs to its parent, too
            wire.shut()
        self._tidy()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> RemoteEvent | SignalsGap:
        try:
            with self._turn:
                return self._next()
        finally:
            if self._leaving.is_set():
                self._tidy()

    def _next(self) -> RemoteEvent | SignalsGap:
        while True:
            item = self._inbox.take()
            if item is not None:
                return item
            if self._leaving.is_set():
                raise StopIteration
            if self._error is not None:
                raise self._error
            self._step(OPENING)

    def _tidy(self) -> None:
        """Let the connection go, unless somebody reads, who then does it."""
        if self._turn.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._turn.release()

    def _step(self, seconds: float) -> None:
        """Do the next thing that takes time, and no longer than so many seconds."""
        try:
            if self._process != os.getpid():
                self._process, self._link = os.getpid(), self._hub.link()
                self._begin_anew()
            if self._wire is not None:
                self._read(self._wire, seconds)
            elif (wait := self._connect_at - monotonic()) > 0:
                self._leaving.wait(min(wait, seconds))
            else:
                self._connect(seconds)
        except SignalsError as error:
            self._error = error
            self._drop()
            raise
        except BaseException:  # Ctrl-C, mostly: whoever goes on after it goes on after what they were given
            self._begin_anew()
            raise

    def _begin_anew(self) -> None:
        self._drop()
        self._course.last_event_id = self.last_event_id
        self._inbox.clear()

    def _connect(self, seconds: float) -> None:
        course = self._course
        until = monotonic() + seconds
        try:
            self._token = self._shown = self._hub.token(replace(self._wanted, seconds=seconds), self._link)
        except Exception as error:
            if not course.opened:  # once it has been, whatever fails may be well again
                raise
            again = course.failed(f"token() failed ({type(error).__name__})")
            return self._again(replace(again, fresh=self._wanted.fresh))
        wire = self._wire = self._link.wire()
        if self._leaving.is_set():  # since before it could be shut
            return None
        self._waiting = "no answer has come"
        answer = wire.send(course.request(self._token), min(OPENING, until - monotonic()))
        if isinstance(answer, Answer) and is_stream(answer):
            self._waiting = "an event stream has come, but not its first event"
            course.begin()
            return None
        whole = wire.body(min(OPENING, until - monotonic())) if isinstance(answer, Answer) else answer
        return self._again(
            course.answered(whole) if isinstance(whole, Answer) else course.failed(whole.reason, final=whole.final)
        )

    def _read(self, wire: Wire, seconds: float) -> None:
        course = self._course
        if course.reading.expiring and monotonic() >= self._renew_at:
            self._renew()
        data = wire.read(course.patience if course.opened else min(course.patience, seconds))
        if self._leaving.is_set():
            return None
        if not isinstance(data, bytes):
            return self._again(course.failed(data.reason))
        if not data:
            return self._again(course.ended())
        return self._inbox.put(course.feed(data))

    def _again(self, again: Again) -> None:
        """Connect again, when it is time."""
        self._drop()
        self._wanted = GetToken(self._token, fresh=again.fresh or self._course.reading.expiring)
        self._why = again.reason
        self._connect_at = monotonic() + again.wait
        self._logger.info("stream interrupted", reason=again.reason, seconds=round(again.wait, 3))

    def _renew(self) -> None:
        """Have the open stream go on with a fresh token; if that fails, again when something has come."""
        reading = self._course.reading
        done: bool | None = None if self._hub.renews else False
        if done is None:
            try:
                self._shown = self._hub.token(GetToken(self._shown, fresh=True), self._link)
            except Exception as error:  # noqa: BLE001 - whatever a user's function raises
                self._logger.warning("no fresh token for a stream", error=type(error).__name__)
            else:
                answer = self._link.ask(self._course.renewal(self._shown), ONE_TRY)
                done = renewed(answer) if isinstance(answer, Answer) else None
        if done is None:
            self._renewals += 1
            self._renew_at = monotonic() + renew_again(self._renewals, random.random())  # noqa: S311 - not a secret
            return
        reading.expiring, self._renewals = False, 0
        self._token = self._shown
        self._logger.info("stream renewed" if done else "stream not renewed", stream=reading.stream)

    def _drop(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
