"""The gate that new streams pass: when a whole fleet comes back at once, those who are there must not notice."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

PER_TURN: Final = 4  # streams opened in one turn of the loop, which take about a millisecond


class Gate:
    """Lets so many through in each turn of the event loop, in the order in which they came."""

    __slots__ = ("_left", "_per_turn", "_scheduled", "_waiting")

    def __init__(self, per_turn: int = PER_TURN) -> None:
        self._per_turn = per_turn
        self._left = per_turn
        self._scheduled = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    async def enter(self) -> None:
        """Go through, at once or in a later turn."""
        loop = asyncio.get_running_loop()
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._next_turn)
        if self._left and not self._waiting:
            self._left -= 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _next_turn(self) -> None:
        idle = self._left == self._per_turn
        self._left = self._per_turn
        while self._waiting and self._left:
            turn = self._waiting.popleft()
            if not turn.done():  # or its client gave up
                turn.set_result(None)
                self._left -= 1
        self._scheduled = not idle or self._left < self._per_turn
        if self._scheduled:
            asyncio.get_running_loop().call_soon(self._next_turn)
