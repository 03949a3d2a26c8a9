"""Readers in several processes that work like one, since one core may not be enough to read what a hub sends."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Self

from sse_signals.bench.readers import Readers, Wanted
from sse_signals.bench.remote import Remote
from sse_signals.bench.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.bench.messages import Messages
    from sse_signals.bench.target import Target

CHANNEL: Final = "bench"
MOST: Final = 4  # processes: more cannot be told from a hub that is faster than all of them
_PATIENCE: Final = 10.0  # seconds without progress after which opening streams fails
_STEPS: Final = 40  # in which streams are opened, so that there is progress to see
_LOOK_EVERY: Final = 0.1  # seconds between two looks at whether it is to end


def spare_cores() -> int:
    """Return how many cores readers may take: one is the hub's, if it is on this machine, and there is at least one."""
    return max(1, min(MOST, len(os.sched_getaffinity(0)) - 1))


class Fleet:
    """Streams of one target, shared out to processes of their own. Used as a context manager."""

    def __init__(self, target: Target, messages: Messages, streams: int, processes: int) -> None:
        """Start the processes; no stream is open yet.

        Args:
            target: The hub.
            messages: What it will send.
            streams: How many are to be opened.
            processes: How many share them.
        """
        self._target = target
        self._shares = [len(range(first, streams, processes)) for first in range(min(processes, streams))]
        with ExitStack() as stack:
            self._readers = [
                stack.enter_context(Remote(Readers, target.address, messages)) for _ in range(len(self._shares))
            ]
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return len(self._readers)

    def open(self, at_once: int, timed_every: int, opened: Callable[[int], None], check: Callable[[], None]) -> float:
        """Open all streams.

        Args:
            at_once: How many are being opened at a time, by all processes together.
            timed_every: Of so many streams one has its latencies counted.
            opened: Is told now and then how many are open.
            check: Is called ten times a second; what it raises ends this.

        Returns:
            Seconds it took.

        Raises:
            LoadFailed: A stream was refused.
        """
        share = max(1, at_once // len(self._readers))
        left, seconds, done = list(self._shares), 0.0, 0
        while any(left):
            step = [
                min(count, max(share, -(-whole // _STEPS))) for count, whole in zip(left, self._shares, strict=True)
            ]
            wanted = [[Wanted(CHANNEL, self._target.stream, count)] for count in step]
            seconds += max(
                self._each(
                    "open", [(each, self._target.ready, share, _PATIENCE, timed_every) for each in wanted], check
                )
            )
            left = [count - taken for count, taken in zip(left, step, strict=True)]
            done += sum(step)
            opened(done)
        return seconds

    def received(self) -> int:
        """Return how many messages all streams received so far."""
        return sum(self._each("received"))

    def watch(self, expected: int, seconds: float) -> bool:
        """Read until every stream received so many messages, or the time is over; say whether all did."""
        return all(self._each("watch", [({CHANNEL: expected}, seconds)] * len(self)))

    def tally(self, expected: int) -> Tally:
        """Return what all streams received, of so many messages that each should have."""
        whole = Tally()
        for tally in self._each("tally", [({CHANNEL: expected},)] * len(self)):
            whole.merge(tally)
        return whole

    def cpu(self) -> Sequence[float]:
        """Return the seconds of CPU that each process has used."""
        return self._each("cpu")

    def _each(
        self, method: str, arguments: Sequence[tuple[Any, ...]] | None = None, check: Callable[[], None] | None = None
    ) -> list[Any]:
        for reader, given in zip(self._readers, arguments or [()] * len(self), strict=True):
            reader.begin(method, *given)
        for reader in self._readers:
            while check is not None and not reader.done(_LOOK_EVERY):
                check()
        return [reader.result() for reader in self._readers]
