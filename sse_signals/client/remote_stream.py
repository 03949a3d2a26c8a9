"""A subscription to a remote hub: connected by itself for as long as it is open."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from sse_signals.client.answers import Answer, is_stream
from sse_signals.client.http import final, read, told
from sse_signals.client.inbox import Inbox
from sse_signals.client.publishing import ONE_TRY
from sse_signals.client.subscribing import OPENING, renew_again, renewed
from sse_signals.client.tokens import GetToken
from sse_signals.errors import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.client.http import Link
    from sse_signals.client.reading import Reading
    from sse_signals.client.received import RemoteEvent
    from sse_signals.client.remote_hub import RemoteHub
    from sse_signals.client.subscribing import Again, Course
    from sse_signals.errors import SignalsGap
    from sse_signals.subscriptions import Gaps

HELD: Final = 256  # items that may wait to be taken; then nothing more is read, and the hub keeps the rest
_LEAVING: Final = 0.5  # seconds that leaving may take: nothing in it waits, but what a user's token() does


class RemoteStream:
    """An open subscription; see `sse_signals.subscriptions.SignalStream`.

    A task of its own connects and reads ahead a little, so that whoever takes the items may be cancelled, busy or late
    without harm to the connection.

    Attributes:
        loop: The event loop that it belongs to.
    """

    def __init__(
        self,
        hub: RemoteHub,
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
        self._bell = asyncio.Event()  # there is something to take
        self._room = asyncio.Event()  # there is room for more
        self._error: BaseException | None = None
        self._closed = False
        self._over = False
        self._why: str | None = None  # what came of the last try
        self._waiting = "token() has not answered"  # for what, on the first
        self._renewing: asyncio.Task[None] | None = None
        self._token: str | None = None
        self.loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._ended)

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what the iteration has given so far; None while there is no such place."""
        return self._inbox.last_event_id

    async def open(self, seconds: float) -> None:
        """Return once there is a stream, so that whatever is published from then on comes.

        Raises:
            BrokerUnavailable: There is none in time.
            SignalsError: The hub refuses it.
            RuntimeError: The client was closed meanwhile.
        """
        try:
            async with asyncio.timeout(seconds):
                while not (self._course.opened or self._error or self._closed):
                    self._bell.clear()
                    await self._bell.wait()
        except TimeoutError:
            where, why = self._hub.url.prefix, self._why or self._waiting
            raise BrokerUnavailable(f"{where} has given no stream within {seconds:g} s: {why}") from None
        if self._closed:
            raise RuntimeError("the client is closed")
        if self._error is not None:
            raise self._error

    async def close(self) -> None:
        """Close the connection, at once; the iteration ends."""
        self._closed = True
        self._bell.set()
        tasks = [task for task in (self._task, self._renewing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_LEAVING)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> RemoteEvent | SignalsGap:
        while True:
            if self._closed:
                raise StopAsyncIteration
            item = self._inbox.take()
            if item is not None:
                return item
            if self._error is not None:
                raise self._error
            if self._over:
                raise StopAsyncIteration
            self._room.set()
            self._bell.clear()
            await self._bell.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._error = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._over = True
        self._bell.set()

    async def _run(self) -> None:
        """Connect, read, and connect again, until it is cancelled, all has come, or the hub says no for good."""
        wanted = GetToken()
        while True:
            try:
                self._token = await self._hub.token(wanted)
            except Exception as error:
                if not self._course.opened:  # once it has been, whatever fails may be well again
                    raise
                again = self._course.failed(f"token() failed ({type(error).__name__})")
            else:
                again = await self._connection()
                if self._course.finished:
                    return
                expiring = self._renewing is not None and not self._renewing.done()
                wanted = GetToken(self._token, fresh=again.fresh or expiring)
            self._why = again.reason
            self._logger.info("stream interrupted", reason=again.reason, seconds=round(again.wait, 3))
            await asyncio.sleep(again.wait)

    async def _connection(self) -> Again:
        course = self._course
        try:
            self._waiting = "no answer has come"
            response = await self._link.open(course.request(self._token), OPENING)
        except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
            return course.failed(told(error), final=final(error))
        try:
            if not is_stream(Answer(response.status, response.headers)):
                async with asyncio.timeout(OPENING):
                    return course.answered(await read(response))
            await self._read(response)
            return course.ended()
        except TimeoutError:
            return course.failed("silence")
        except (aiohttp.ClientError, OSError) as error:
            return course.failed(told(error))
        finally:
            response.close()

    async def _read(self, response: aiohttp.ClientResponse) -> None:
        course = self._course
        course.begin()
        self._waiting = "an event stream has come, but not its first event"
        while True:
            async with asyncio.timeout(course.patience):
                data = await response.content.readany()
            if not data:
                return
            began = course.reading.stream is None
            items = course.feed(data)
            if began and course.reading.stream is not None:
                self._logger.debug("stream opened", stream=course.reading.stream)
            if course.reading.expiring:
                self._renew()
            self._inbox.put(items)
            self._bell.set()
            while len(self._inbox) >= HELD:
                self._room.clear()
                await self._room.wait()

    def _renew(self) -> None:
        """Have the open stream go on with a fresh token, if there is somebody to give one."""
        reading = self._course.reading
        reading.expiring = False
        if self._hub.renews and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renewal(reading))

    async def _renewal(self, reading: Reading) -> None:
        shown, attempt = self._token, 0
        while True:
            attempt += 1
            try:
                shown = await self._hub.token(GetToken(shown, fresh=True))
            except Exception as error:  # noqa: BLE001 - whatever a user's function raises
                self._logger.warning("no fresh token for a stream", error=type(error).__name__)
            else:
                answer = await self._link.ask(self._course.renewal(shown), ONE_TRY)
                done = renewed(answer) if isinstance(answer, Answer) else None
                if done is not None:
                    self._logger.info("stream renewed" if done else "stream not renewed", stream=reading.stream)
                    self._token = shown
                    return
            await asyncio.sleep(renew_again(attempt, random.random()))  # noqa: S311 - not a secret
            if self._course.reading is not reading:  # it has ended, and another one has begun with the newest token
                return
