"""What a node remembers of a shared log, to see after a reconnect whether the log still is what it was."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from sse_signals.model import INDEX_BITS

if TYPE_CHECKING:
    from sse_signals.lineage import Lineage

_MOST: Final = 20_000  # records that are remembered; of the older half then every second one is dropped


Seen = tuple[int, int]  # a record's number and time


class KnownRecords:
    """The records that this process has seen or was told are appended: their numbers and times.

    A record's time tells it from another one with its number. The newest 10,000 are all there; of the older ones fewer
    and fewer, so that the place where a log went backwards is found exactly when that was lately, and too early by some
    records when it was long ago: that is on the safe side.

    Attributes:
        lineage: The log they are of; None before the first was found.
    """

    def __init__(self) -> None:
        self.lineage: Lineage | None = None
        self._records: list[Seen] = []
        self._thinned = 0  # up to this number some have been dropped, and none is added any more

    @property
    def top(self) -> int:
        """The number of the newest, 0 when there is none."""
        return self._records[-1][0] if self._records else 0

    def saw(self, epoch: str, record: int, time_ms: int) -> None:
        """Remember a record of the log whose present epoch is ``epoch``; if that is past, leave it."""
        if self.lineage is None or self.lineage.epoch != epoch or record <= self._thinned:
            return
        seen = (record, time_ms)
        if record > self.top:
            self._records.append(seen)
        elif self._records[at := bisect_left(self._records, seen)] != seen:
            self._records.insert(at, seen)
        if len(self._records) > _MOST:
            half = _MOST // 2
            self._thinned = self._records[half - 1][0]
            self._records = self._records[:half:2] + self._records[half:]

    def copy(self) -> list[Seen]:
        """Return all that is remembered now."""
        return self._records.copy()

    def adopt(self, lineage: Lineage) -> None:
        """Take what the log says that it is, and forget what is not part of it."""
        own = self.lineage
        if own is not None and own.epoch != lineage.epoch:
            if own.shared(lineage.epoch) is not None:
                return  # this was so before something else was told that it goes on from it
            shared = lineage.shared(own.epoch)
            self._records = [] if shared is None else up_to(self._records, shared)
            self._thinned = min(self._thinned, self.top)
        self.lineage = lineage


def up_to(records: list[Seen], last: int | None) -> list[Seen]:
    """Return those whose positions are not above ``last``, or all of them."""
    if last is None:
        return records
    return records[: bisect_right(records, last >> INDEX_BITS, key=lambda seen: seen[0])]
