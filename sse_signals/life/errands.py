"""Errands: work that goes on whatever becomes of who waits for it, as a handler whose client has left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_Result = TypeVar("_Result")


class Errands:
    """Tasks that are under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def send(self, work: Coroutine[Any, Any, _Result]) -> asyncio.Task[_Result]:
        """Begin some work. Who waits for it and may be cancelled has to shield it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, seconds: float) -> int:
        """Wait until all is done, and cancel what is not after some seconds; return how many were cancelled."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)
        late = list(self._tasks)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return len(late)
