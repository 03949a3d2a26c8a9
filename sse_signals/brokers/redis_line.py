"""Many callers on one connection: whoever comes while a round trip is under way goes together with the others next."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from sse_signals.brokers.redis_scripts import STALE
from sse_signals.brokers.redis_session import refused
from sse_signals.errors import BrokerUnavailable, SignalsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.brokers.redis_session import Command, Session
    from sse_signals.lineage import Lineage

_MOST: Final = 256  # commands of one round trip
_LARGE: Final = 4 * 1024 * 1024  # bytes after which a round trip takes no further one
_SILENT: Final = "Redis does not answer"
_AGAIN: Final = (STALE, "NOSCRIPT", "NoScriptError")


@dataclass(slots=True, eq=False)
class _Call:
    command: Callable[[Lineage], Command]
    answer: asyncio.Future[tuple[Any, Lineage]]
    deadline: float
    writes: bool
    size: int
    tried: bool = field(default=False)

    def fail(self, detail: str, *, unknown: bool) -> None:
        if not self.answer.done():  # else its caller was cancelled
            self.answer.set_exception(BrokerUnavailable(detail, outcome_unknown=unknown and self.writes))


class Line:
    """A connection that is made when it is needed, and made anew when it is lost.

    A command that is under way is never interrupted: its reply would go to the next one. If it takes too long, the
    connection is dropped.

    Args:
        begin: Makes a session.
        greet: Finds out anew which log a session has.
        timeout: Seconds within which every call is answered.
    """

    def __init__(
        self,
        begin: Callable[[], Awaitable[Session]],
        greet: Callable[[Session], Awaitable[None]],
        timeout: float,
    ) -> None:
        self._begin = begin
        self._greet = greet
        self._timeout = timeout
        self._calls: deque[_Call] = deque()
        self._session: Session | None = None
        self._known = False  # whether the session's log is known
        self._task: asyncio.Task[None] | None = None

    def call(
        self, command: Callable[[Lineage], Command], *, writes: bool = True, size: int = 0
    ) -> asyncio.Future[tuple[Any, Lineage]]:
        """Hand in a command; nobody who stops waiting for it takes it back.

        Args:
            command: Returns it for the log there is.
            writes: Whether it makes a difference if it was done.
            size: Bytes, roughly.

        Returns:
            The reply and the log that it is of. It raises BrokerUnavailable.
        """
        loop = asyncio.get_running_loop()
        call = _Call(command, loop.create_future(), loop.time() + self._timeout, writes, size)
        self._calls.append(call)
        if self._task is None:
            self._task = loop.create_task(self._work(), name="sse_signals talks to Redis")
        return call.answer

    async def close(self) -> None:
        """Let what was handed in end, and drop the connection."""
        while self._task is not None:
            await asyncio.wait([self._task])
        await self._drop()

    async def _work(self) -> None:
        try:
            while self._calls:
                session = await self._ready()
                if session is not None:
                    await self._round_trip(session)
        finally:
            self._task = None
            self._fail_all("the hub has stopped talking to Redis")

    async def _ready(self) -> Session | None:
        """See that there is a connection to the log, or answer those who cannot wait for one any longer."""
        now = asyncio.get_running_loop().time()
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

    async def _round_trip(self, session: Session) -> None:
        calls = self._next()
        replies: list[Any] = []
        failure = _SILENT
        try:
            async with asyncio.timeout_at(calls[0].deadline):
                await session.ask([call.command(session.lineage) for call in calls], replies)
        except (RedisError, OSError, TimeoutError) as error:
            failure = str(error) or failure
        finally:
            again = [
                call
                for call, reply in zip(calls, replies, strict=False)
                if not self._answered(call, reply, session.lineage)
            ]
            self._calls.extendleft(reversed(again))
            for call in calls[len(replies) :]:
                call.fail(failure, unknown=True)
            if again:
                self._known = False
            if len(replies) < len(calls) or (not again and any(isinstance(reply, RedisError) for reply in replies)):
                await self._drop()

    def _next(self) -> list[_Call]:
        calls: list[_Call] = []
        size = 0
        while self._calls and len(calls) < _MOST and size < _LARGE:
            calls.append(self._calls.popleft())
            size += calls[-1].size
        return calls

    def _answered(self, call: _Call, reply: Any, lineage: Lineage) -> bool:
        if isinstance(reply, RedisError):
            if not call.tried and any(word in f"{type(reply).__name__} {reply}" for word in _AGAIN):
                call.tried = True
                return False
            call.fail(f"Redis refuses: {reply}", unknown=not refused(reply))
        elif not call.answer.done():
            call.answer.set_result((reply, lineage))
        return True

    def _fail_all(self, detail: str) -> None:
        while self._calls:
            self._calls.popleft().fail(detail, unknown=False)

    async def _drop(self) -> None:
        session, self._session, self._known = self._session, None, False
        if session is not None:
            await session.end()
