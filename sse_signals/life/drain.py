"""The end of streams in good order: each is told why, and when to come back."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

from sse_signals.retry import GOODBYE, spread
from sse_signals.wire import controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.hub.stream import Stream


def say_goodbye(stream: Stream, reason: str, now_ms: int) -> None:
    """Tell a stream why it ends and when to come back, if its connection takes it."""
    retry_ms = spread(GOODBYE, random.random())  # noqa: S311 - not a secret
    stream.write(stream.format.control(controls.goodbye(reason, retry_ms, now_ms)))


async def drain(
    streams: Iterable[Stream], gone: asyncio.Event, *, reason: str, clock: Callable[[], int], patience: float
) -> None:
    """End streams in good order: each is told when to come back, and its response ends properly.

    Args:
        streams: Streams with a connection.
        gone: Is set when all of them are closed.
        reason: What they are told.
        clock: Returns milliseconds since 1970-01-01 UTC.
        patience: Seconds to give connections for what is buffered; those that are not through then are aborted.
    """
    leaving = [stream for stream in streams if stream.ended is None]
    for stream in leaving:
        say_goodbye(stream, reason, clock())
        stream.end(reason)
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            await gone.wait()
    for stream in leaving:
        if stream.group is not None:
            stream.abort(reason)
