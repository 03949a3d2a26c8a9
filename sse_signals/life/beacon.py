"""The beacon: while somebody on another node looks, and only then, a node tells the others of its streams."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import SignalsError
from sse_signals.life import letters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.interfaces import SharedState
    from sse_signals.life.overview import Overview

PREFIX: Final = "overview/"  # of the keys of letters, before the node's name
HOLDS: Final = 15.0  # seconds for which it tells once it was asked to
EVERY: Final = 1.0  # seconds between two letters
KEPT: Final = 4.0  # seconds for which a letter is kept: a node that is gone has vanished then
_LAST_WORD: Final = 1.0  # seconds at the end for taking the letter back


class Beacon:
    """Puts a letter into the shared state every second, as long as it was asked to."""

    def __init__(
        self,
        overview: Overview,
        state: SharedState,
        logger: Any,
        *,
        time: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        """Make one that is dark.

        Args:
            overview: Sees this node's streams.
            state: Where letters are put.
            logger: Where failures are told.
            time: A monotonic clock, in seconds.
            sleep: Waits for so many seconds.
        """
        self._overview = overview
        self._state = state
        self._logger = logger
        self._time = time
        self._sleep = sleep
        self._key = PREFIX + overview.subject.node
        self._until = 0.0
        self._task: asyncio.Task[None] | None = None

    def light(self) -> None:
        """Tell the others at once, and for `HOLDS` seconds from now."""
        self._until = self._time() + HOLDS
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._shine())

    async def stop(self) -> None:
        """Tell nothing more, and take back what was told last."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._time() >= self._until + KEPT:
            return
        with suppress(SignalsError, TimeoutError):  # then it is over by itself soon
            async with asyncio.timeout(_LAST_WORD):
                await self._state.put(self._key, b"", 0.0)

    async def _shine(self) -> None:
        failed = False
        while self._time() < self._until:
            try:
                letter = letters.encode(await self._overview.look(letters.MOST))
                await self._state.put(self._key, letter, KEPT)
                failed = False
            except Exception as error:  # noqa: BLE001 - whatever fails once must not make a node invisible
                if not failed:
                    self._failed(error)
                failed = True
            await self._sleep(EVERY)

    def _failed(self, error: Exception) -> None:
        if isinstance(error, SignalsError):
            self._logger.warning("other nodes cannot see the streams of this one", error=str(error))
        else:
            self._logger.error("telling other nodes of streams failed", exc_info=error)
