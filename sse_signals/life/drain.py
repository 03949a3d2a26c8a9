"""The end of streams in good order: each is told why, and when to come back."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from sse_signals.retry import GOODBYE, spread
from sse_signals.wire import controls

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from sse_signals.hub.hub import Hub
    from sse_signals.hub.stream import Stream


def say_goodbye(stream: Stream, reason: str, now_ms: int) -> None:
    """Tell a stream why it ends and when to come back, if its connection takes it."""
    retry_ms = spread(GOODBYE, random.random())  # noqa: S311 - not a secret
    stream.write(stream.format.control(controls.goodbye(reason, retry_ms, now_ms)))


def send_away(stream: Stream, hub: Hub, reason: str, now_ms: int) -> None:
    """End a stream in good order; nothing is written after its goodbye, and what waited for it is what it resumes with.

    Args:
        stream: A stream with a connection.
        hub: Whose stream it is.
        reason: What it is told.
        now_ms: The time, in milliseconds since 1970-01-01 UTC.
    """
    say_goodbye(stream, reason, now_ms)
    hub.dismiss(stream, reason)


async def pause(seconds: float, hurry: asyncio.Event) -> None:
    """Wait for so many seconds, or until somebody is in a hurry."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, seconds)):
            await hurry.wait()


async def one_by_one(
    streams: Iterable[Stream], send: Callable[[Stream], Awaitable[object]], *, window: float, hurry: asyncio.Event
) -> None:
    """Send streams away in random order, evenly over a time: it must not be their age that decides who comes back when.

    The last one is left to whoever calls this, who has to do something first, and so are all when there is no window.

    Args:
        streams: Those that are open; one that ends by itself meanwhile is not waited for.
        send: Sends one away.
        window: Seconds to take.
        hurry: Once it is set, the others are left as well.
    """
    if not window:
        return
    order = [stream for stream in streams if stream.ended is None]
    random.shuffle(order)
    time = asyncio.get_running_loop().time
    began = time()
    for number, stream in enumerate(order):
        if stream.ended is not None:
            continue
        await pause(began + window * (number + 0.5) / len(order) - time(), hurry)  # late or not, the loop goes round
        if hurry.is_set() or number == len(order) - 1:
            return
        if stream.ended is None:
            await send(stream)


async def drain(
    streams: Iterable[Stream], gone: asyncio.Event, *, hub: Hub, reason: str, clock: Callable[[], int], patience: float
) -> tuple[int, int]:
    """End all streams at once in good order: each is told when to come back, and its response ends properly.

    Args:
        streams: Streams with a connection, those among them that were sent away and are not gone yet.
        gone: Is set when all of them are closed.
        hub: Whose streams they are.
        reason: What they are told.
        clock: Returns milliseconds since 1970-01-01 UTC.
        patience: Seconds to give connections for what is buffered; those that are not through then are aborted.

    Returns:
        How many were sent away, and how many had to be aborted.
    """
    leaving = list(streams)
    open_yet = [stream for stream in leaving if stream.ended is None]
    for stream in open_yet:
        send_away(stream, hub, reason, clock())
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await gone.wait()
    stuck = [stream for stream in leaving if stream.group is not None]
    for stream in stuck:
        stream.abort(reason)
    return len(open_yet), len(stuck)
