"""One direction of a connection: what it is like, and what is on its way."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Final

_WINDOW: Final = 1024 * 1024  # bytes under way at once, as in the buffers of a long line
_TICK: Final = 0.05  # seconds for which a narrow line is filled at once


@dataclass(frozen=True, slots=True)
class Line:
    """What one direction is like.

    Attributes:
        latency: Seconds that every byte takes.
        bandwidth: Bytes a second, or None for as many as come.
        trickle: Seconds between any two bytes, or None.
        frozen: Whether nothing gets through, as on a line that is dead and does not say so.
    """

    latency: float = 0.0
    bandwidth: float | None = None
    trickle: float | None = None
    frozen: bool = False

    def share(self, waiting: int) -> tuple[int, float]:
        """Return how many of the bytes that wait may go now, and how many seconds nothing more goes after them."""
        if self.trickle is not None:
            return 1, self.trickle
        if self.bandwidth is not None:
            size = min(waiting, max(1, round(self.bandwidth * _TICK)))
            return size, size / self.bandwidth
        return waiting, 0.0


CLEAR: Final = Line()


class UnderWay:
    """The bytes on one direction of a line, with when they set out; None is the end."""

    def __init__(self) -> None:
        self._pieces: deque[tuple[float, bytes] | None] = deque()
        self._size = 0
        self._moved = asyncio.Condition()

    async def put(self, piece: tuple[float, bytes] | None) -> None:
        """Have a piece set out, once there is room."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._size < _WINDOW)
            self._pieces.append(piece)
            self._size += len(piece[1]) if piece else 0
            self._moved.notify_all()

    async def next(self) -> tuple[float, bytes] | None:
        """Return what comes next, once there is something."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._pieces)
            piece = self._pieces.popleft()
            self._size -= len(piece[1]) if piece else 0
            self._moved.notify_all()
            return piece
