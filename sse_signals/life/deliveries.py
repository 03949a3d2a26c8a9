"""Traced publishes on their way to a first stream of this node: from the log's answer to the flush that writes them."""

from __future__ import annotations

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

    __slots__ = ("_hub", "_time", "_waiting")

    def __init__(self, time: Callable[[], float] = time.monotonic) -> None:
        """Watch nothing yet.

        Args:
            time: Returns seconds that never run backwards.
        """
        self._hub: Hub | None = None
        self._time = time
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

    def _flushed(self, written: int) -> None:
        if not self._waiting:
            return
        now = self._time()
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:
            if now - each.since > PATIENCE:
                each.trace.delivered("unseen")
            elif each.position <= written:
                each.trace.delivered("streams")
            else:
                self._waiting.append(each)
