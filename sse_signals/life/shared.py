"""Work that many wait for: who asks meanwhile shares the next result, and nobody gets one from before they asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_Result = TypeVar("_Result")


class Shared(Generic[_Result]):
    """Results of the same work, done once at a time however many ask."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._begun = 0
        self._waiting = 0
        self._last: tuple[int, _Result] | None = None  # the number of the work, and what came of it

    async def get(
        self, work: Callable[[], Awaitable[_Result]], *, fits: Callable[[_Result], bool] | None = None
    ) -> _Result:
        """Return a result of work that has not begun before this call.

        Work that fails, or whose caller gives up, is begun anew for the next who waits.

        Args:
            work: What to do.
            fits: Says whether a result that is shared is good enough for this caller; None takes every one.
        """
        asked = self._begun
        self._waiting += 1
        try:
            async with self._turn:
                last = self._last
                if last is None or last[0] <= asked or (fits is not None and not fits(last[1])):
                    self._begun += 1
                    last = self._last = self._begun, await work()
                return last[1]
        finally:
            self._waiting -= 1
            if not self._waiting:
                self._last = None  # a thousand streams told one by one take a megabyte
