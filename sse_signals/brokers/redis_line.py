"""Many callers on one connection: whoever comes while a round trip is under way goes together with the others next."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Final, cast

from redis.exceptions import RedisError

from sse_signals.brokers.redis_append import Record
from sse_signals.brokers.redis_calls import Call, answer, next_of
from sse_signals.brokers.redis_watch import Watch
from sse_signals.errors import SignalsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from sse_signals.brokers.redis_session import Command, Session
    from sse_signals.lineage import Lineage

_SILENT: Final = "Redis does not answer"


class Line:
    """A connection that is made when it is needed, and made anew when it is lost.

    A command that is under way is never interrupted: its reply would go to the next one. If it takes too long, the
    connection is dropped.

    Args:
        begin: Makes a session.
        greet: Finds out anew which log a session has.
        append: Returns the command that appends records to the log there is.
        timeout: Seconds within which every call is answered.
    """

    def __init__(
        self,
        begin: Callable[[], Awaitable[Session]],
        greet: Callable[[Session], Awaitable[None]],
        append: Callable[[Lineage, Sequence[Record]], Command],
        timeout: float,
    ) -> None:
        self._begin = begin
        self._greet = greet
        self._append = append
        self._timeout = timeout
        self._calls: deque[Call] = deque()
        self._session: Session | None = None
        self._known = False  # whether the session's log is known
        self._task: asyncio.Task[None] | None = None
        self._idle: asyncio.Future[None] | None = None  # what the task waits for when there is nothing to do
        self._leaving = False  # whether it ends then

    def call(
        self, what: Record | Callable[[Lineage], Command], *, writes: bool = True, size: int = 0
    ) -> asyncio.Future[tuple[Any, Lineage]]:
        """Hand in a command; nobody who stops waiting for it takes it back.

        Args:
            what: A record to append, or what returns a command for the log there is.
            writes: Whether it makes a difference if it was done.
            size: Bytes, roughly.

        Returns:
            The reply and the log that it is of; see `redis_calls.Call.answer`. It raises BrokerUnavailable.
        """
        loop = asyncio.get_running_loop()
        call = Call(what, loop.create_future(), loop.time() + self._timeout, writes, size)
        self._calls.append(call)
        if self._task is None:
            self._task = loop.create_task(self._work(loop), name="sse_signals talks to Redis")
        else:
            self._wake()
        return call.answer

    async def close(self) -> None:
        """Let what was handed in end, and drop the connection."""
        self._leaving = True
        while self._task is not None:
            self._wake()
            await asyncio.wait([self._task])
        self._leaving = False
        await self._drop()

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        watch = Watch(cast("asyncio.Task[None]", asyncio.current_task()), loop)
        try:
            while self._calls or not self._leaving:
                if not self._calls:
                    self._idle = loop.create_future()
                    await self._idle
                session = await self._ready(loop.time())
                if session is not None:
                    await self._round_trip(session, watch)
        finally:
            self._task = self._idle = None
            watch.close()
            self._fail_all("the hub has stopped talking to Redis")

    async def _ready(self, now: float) -> Session | None:
        """See that there is a connection to the log, or answer those who cannot wait for one any longer."""
        while self._calls and self._calls[0].deadline <= now:
            self._calls.popleft().fail(_SILENT, unknown=False)
        if not self._calls:
            return None
        try:
            if self._session is not None and await self._session.lost():
                await self._drop()
            if not self._known:
                await self._find(now)
        except TimeoutError:
            await self._drop()
        except (SignalsError, RedisError, OSError) as error:
            await self._drop()
            self._fail_all(str(error))
        return self._session

    async def _find(self, now: float) -> None:
        # Half of the time for one try: if the network swallows it, another one may get through.
        async with asyncio.timeout_at(min(self._calls[0].deadline, now + self._timeout / 2)):
            if self._session is None:
                self._session = await self._begin()
            else:
                await self._greet(self._session)
            self._known = True

    async def _round_trip(self, session: Session, watch: Watch) -> None:
        commands = next_of(self._calls)
        replies: list[Any] = []
        failure = _SILENT
        watch.begin(commands[0][0].deadline)
        try:
            await session.ask([self._command(calls, session.lineage) for calls in commands], replies)
        except (RedisError, OSError) as error:
            failure = str(error) or failure
        except asyncio.CancelledError:
            if not watch.interrupted():
                raise
        finally:
            watch.end()
            if not self._answered(commands, replies, failure, session.lineage):
                await self._drop()

    def _command(self, calls: list[Call], lineage: Lineage) -> Command:
        what = calls[0].what
        if isinstance(what, Record):
            return self._append(lineage, [cast("Record", call.what) for call in calls])
        return what(lineage)

    def _answered(self, commands: list[list[Call]], replies: list[Any], failure: str, lineage: Lineage) -> bool:
        """Answer those of a round trip, or hand them in again; says whether the connection is still good."""
        good = True
        again: list[Call] = []
        for calls, reply in zip(commands, replies, strict=False):
            done, refused = answer(calls, reply, lineage)
            good = good and done
            again += refused
        for calls in commands[len(replies) :]:
            good = False
            for call in calls:
                call.fail(failure, unknown=True)
        if again:
            self._calls.extendleft(reversed(again))
            self._known = False
        return len(replies) == len(commands) and (good or bool(again))

    def _fail_all(self, detail: str) -> None:
        while self._calls:
            self._calls.popleft().fail(detail, unknown=False)

    async def _drop(self) -> None:
        session, self._session, self._known = self._session, None, False
        if session is not None:
            await session.end()
