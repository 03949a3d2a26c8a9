"""Traced publishes on their way to a first stream of this node: from the log's answer to the flush that writes them."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.hub.hub import Hub
    from sse_signals.model import Receipt, Signal
    from sse_signals.tracing import Trace

MOST: Final = 1_000  # publishes that are watched at a time
PATIENCE: Final = 10.0  # seconds after which nobody can tell any more what a flush has written


class _Watched(NamedTuple):
    trace: Trace
    position: int
    since: float


class Deliveries:
    """Tells each traced publish when it was first written to a stream, or that there was none that may have it.

    Whether there is one is looked up when the log has answered: by then a stream may have got it already.
    """

    __slots__ = ("_hub", "_time", "_timer", "_waiting")

    def __init__(self, time: Callable[[], float] = time.monotonic) -> None:
        """Watch nothing yet.

        Args:
            time: Returns seconds that never run backwards.
        """
        self._hub: Hub | None = None
        self._time = time
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[_Watched] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def start(self, hub: Hub) -> None:
        """Watch the flushes of a hub."""
        self._hub = hub
        hub.tallies.on_flush.append(self._flushed)

    def stop(self) -> None:
        """Watch no longer; harmless when it does not watch."""
        if self._hub is not None:
            self._hub.tallies.on_flush.remove(self._flushed)
            self._hub = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            self._waiting.popleft().trace.delivered("unseen")

    def committed(self, trace: Trace, signals: Sequence[Signal], receipt: Receipt) -> None:
        """Watch a publish that the log has just taken.

        Args:
            trace: Is told when it is delivered.
            signals: What was published.
            receipt: The log's answer.
        """
        if self._hub is None:
            trace.delivered("unseen")
            return
        reach = self._hub.reach
        places = (each.position for each, signal in zip(receipt.ids, signals, strict=True) if reach.any(signal))
        first = next(places, None)
        if first is None:
            trace.delivered("nobody")
        elif first <= self._hub.tallies.written:  # the log was read faster than its answer came
            trace.delivered("streams")
        else:
            self._waiting.append(_Watched(trace, first, self._time()))
            if len(self._waiting) > MOST:
                self._waiting.popleft().trace.delivered("unseen")
            self._expect_the_overdue()

    def _flushed(self, written: int) -> None:
        if not self._waiting:
            return
        self._give_up()
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if each.position <= written:
                each.trace.delivered("streams")
            else:
                self._waiting.append(each)

    def _give_up(self) -> None:
        """Tell those that have waited for too long, which are the first."""
        now = self._time()
        while self._waiting and now - self._waiting[0].since > PATIENCE:
            self._waiting.popleft().trace.delivered("unseen")

    def _expect_the_overdue(self) -> None:
        """Have them told even if nothing is flushed any more, as when the only stream that may have it has gone."""
        if self._timer is None and self._waiting:
            left = self._waiting[0].since + PATIENCE - self._time()
            self._timer = asyncio.get_running_loop().call_later(left + 1.0, self._overdue)  # then many are, mostly

    def _overdue(self) -> None:
        self._timer = None
        self._give_up()
        self._expect_the_overdue()
