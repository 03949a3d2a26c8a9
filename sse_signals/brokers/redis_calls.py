"""What callers want of a Redis server: which of it goes in one command, and who gets which part of the reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import RedisError

from sse_signals.brokers.redis_append import Record
from sse_signals.brokers.redis_lua import STALE
from sse_signals.brokers.redis_session import refused
from sse_signals.errors import BrokerUnavailable

if TYPE_CHECKING:
    import asyncio
    from collections import deque
    from collections.abc import Callable

    from sse_signals.brokers.redis_session import Command
    from sse_signals.lineage import Lineage

_MOST: Final = 256  # calls of one round trip
_LARGE: Final = 4 * 1024 * 1024  # bytes after which a round trip takes no further one
_TOGETHER: Final = 64  # records that one script appends: the server does nothing else meanwhile
_HEAVY: Final = 1024 * 1024  # bytes after which a script takes no further one
_AGAIN: Final = (STALE, "NOSCRIPT", "NoScriptError")


@dataclass(slots=True, eq=False)
class Call:
    """What one caller waits for.

    Attributes:
        what: A record to append, or what returns a command for the log there is.
        answer: Gets the reply and the log that it is of. That to a record is the time, and what the script says of it.
        deadline: When it must be answered, by the loop's clock.
        writes: Whether it makes a difference if it was done.
        size: Bytes, roughly.
        tried: Whether it was refused once, because the log or the script was not known.
    """

    what: Record | Callable[[Lineage], Command]
    answer: asyncio.Future[tuple[Any, Lineage]]
    deadline: float
    writes: bool
    size: int
    tried: bool = field(default=False)

    def fail(self, detail: str, *, unknown: bool) -> None:
        """Answer that it was not done, or perhaps not."""
        if not self.answer.done():  # else its caller was cancelled
            self.answer.set_exception(BrokerUnavailable(detail, outcome_unknown=unknown and self.writes))

    def take(self, reply: Any, lineage: Lineage) -> bool:
        """Answer with what the server has replied; says whether it has done it."""
        if isinstance(reply, RedisError):
            self.fail(f"Redis refuses: {reply}", unknown=not refused(reply))
            return False
        if not self.answer.done():
            self.answer.set_result((reply, lineage))
        return True


def next_of(calls: deque[Call]) -> list[list[Call]]:
    """Take what goes in the next round trip; records that follow each other go in one command."""
    commands: list[list[Call]] = []
    count = size = together = 0
    while calls and count < _MOST and size < _LARGE:
        call = calls.popleft()
        if not isinstance(call.what, Record):
            commands.append([call])
            together = _HEAVY
        elif together and together < _HEAVY and len(commands[-1]) < _TOGETHER:
            commands[-1].append(call)
        else:
            commands.append([call])
            together = 0
        count += 1
        size += call.size
        together += call.size
    return commands


def answer(calls: list[Call], reply: Any, lineage: Lineage) -> tuple[bool, list[Call]]:
    """Give the reply to a command to those who wait for it.

    Returns:
        Whether all was done, and who has to be tried again.
    """
    if isinstance(reply, RedisError):
        again = []
        if any(word in f"{type(reply).__name__} {reply}" for word in _AGAIN):
            again = [call for call in calls if not call.tried]
        for call in calls:
            if call.tried or not again:
                call.take(reply, lineage)
            call.tried = True
        return False, again
    if not isinstance(calls[0].what, Record):
        return calls[0].take(reply, lineage), []
    time_ms, *said = reply
    done = True
    for call, one in zip(calls, said, strict=False):
        done = call.take(one if isinstance(one, RedisError) else (time_ms, one), lineage)
    for call in calls[len(said) :]:
        call.fail("Redis has refused another record before this one", unknown=False)
    return done, []
