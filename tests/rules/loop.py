"""An event loop and connections that a test moves by hand, one callback and one byte at a time."""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Final

from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable


ENOUGH: Final = 20_000  # looks at the clock without an end are those of an endless loop


class ManualLoop:
    """A scheduler whose time passes only when it is asked for it, and fast enough that every slice is used up."""

    def __init__(self) -> None:
        self.now = 0.0
        self.hurry = 0.0  # seconds that pass at each look at the clock
        self._ready: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._number = 0
        self._looks = 0  # at the clock, since the last callback

    def time(self) -> float:
        self.now += self.hurry
        self._looks += 1
        if self._looks > ENOUGH:
            raise Wrong("somebody works for ever")
        return self.now

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self._ready.append(callback)

    def call_at(self, when: float, callback: Callable[[], object], /) -> None:
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, callback))

    def step(self) -> bool:
        """Run one callback; go to the next timer when nothing is ready. False when nothing is left to do."""
        if not self._ready:
            if not self._timers:
                return False
            when, _, callback = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            self._ready.append(callback)
        self._looks = 0
        self._ready.popleft()()
        return True


class ManualConnection:
    """A connection whose kernel takes ``room`` bytes; what it took can be read by the client."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.sent = bytearray()
        self.buffer = bytearray()
        self.largest = 0
        self.written = 0
        self.closing = False
        self.drained: Callable[[], object] | None = None

    def write(self, data: bytes, /) -> None:
        assert data, "nothing is written, which would end a body of HTTP chunks"
        self.largest = max(self.largest, len(data))
        self.written += len(data)
        self.buffer += data
        self._move()

    def get_write_buffer_size(self) -> int:
        return len(self.buffer)

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, _name: str, /) -> None:
        return None

    def abort(self) -> None:
        self.closing = True

    def read(self, count: int) -> bytes:
        """Let the client read, which makes room for as much."""
        data = bytes(self.sent[:count])
        del self.sent[:count]
        self.room += len(data)
        self._move()
        return data

    def widen(self, count: int) -> None:
        """Let the kernel take more."""
        self.room += count
        self._move()

    def when_drained(self, callback: Callable[[], object]) -> None:
        """Call back once nothing is buffered."""
        self.drained = callback
        self._move()

    def _move(self) -> None:
        taken = self.buffer[: max(0, self.room)]
        self.sent += taken
        self.room -= len(taken)
        del self.buffer[: len(taken)]
        if not self.buffer and self.drained is not None:
            callback, self.drained = self.drained, None
            callback()
