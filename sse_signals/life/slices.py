"""Long work beside open streams: done in slices, between which the event loop goes round."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

SLICE: Final = 0.002  # seconds of work after which the loop goes round

_Result = TypeVar("_Result")


async def in_slices(work: Generator[None, None, _Result], time: Callable[[], float]) -> _Result:
    """Do work that can pause, and give the loop back whenever a slice of time is used up.

    Args:
        work: Yields wherever it may pause, and returns its result.
        time: A monotonic clock, in seconds.
    """
    until = time() + SLICE
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: _Result = done.value
            return result
        if time() >= until:
            await asyncio.sleep(0)
            until = time() + SLICE
