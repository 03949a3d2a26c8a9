"""Token buckets: how much of something each key may do per second, exactly, in bounded memory.

A publish flood by one identity meets 429 and a time to wait, and others are unaffected: each key has a bucket of its
own, and a bucket that is forgotten to save memory is the fullest, never one that is in debt.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING, Final

from sse_signals.errors import TooMany

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_KEYS: Final = 100_000
_PASSED: Final = 4  # buckets looked at for each new one: more go than come, and nobody waits for a sweep
_PARTS: Final = 2**20  # of one
_COMPARED: Final = 64  # buckets compared when there are too many


class Buckets:
    """A bucket for each key, which starts full and fills at a steady rate.

    An amount is admitted when the bucket holds it. One that is larger than the bucket is admitted when it is full, and
    leaves a debt that has to be filled up first; so a batch of any size can be published at any rate. In any time the
    amount admitted is at most burst + rate * time, plus what the largest amount exceeds the burst by.

    A bucket is one number: how much will have flowed in since the clock's zero when it is full. These are whole numbers
    of parts, so that no rounding adds up. Buckets that are full are forgotten as new ones come.

    Args:
        rate: What flows in per second.
        burst: What a full bucket holds, 1 or more.
        reason: The reason of the `TooMany` that it raises.
        detail: What to tell people then, one sentence.
        clock_s: A monotonic clock, in seconds.
        most_keys: How many buckets are remembered at most. When there are more, the fullest of the oldest is forgotten,
            which makes it full.
    """

    __slots__ = ("_burst", "_clock_s", "_detail", "_full_after", "_most_keys", "_rate", "_reason")

    def __init__(
        self,
        rate: float,
        burst: float,
        *,
        reason: str,
        detail: str,
        clock_s: Callable[[], float] = time.monotonic,
        most_keys: int = MOST_KEYS,
    ) -> None:
        self._rate = rate * _PARTS
        self._burst = int(burst * _PARTS)
        self._reason = reason
        self._detail = detail
        self._clock_s = clock_s
        self._most_keys = most_keys
        self._full_after: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        """Return how many buckets are remembered."""
        return len(self._full_after)

    def spend(self, key: str, amount: int = 1) -> None:
        """Take an amount, or nothing.

        Raises:
            TooMany: The bucket does not hold it; ``retry_after`` is when it will, if nobody takes from it.
        """
        flowed = self._flowed()
        self._check(key, amount, flowed)
        self._set(key, max(self._full_after.get(key, flowed), flowed) + amount * _PARTS, flowed)

    def check(self, key: str) -> None:
        """Take nothing, and see whether one could be taken: what costs less than to find out how much it would be.

        Raises:
            TooMany: The bucket does not hold one.
        """
        self._check(key, 1, self._flowed())

    def charge(self, key: str) -> None:
        """Take one without asking, for what has happened already.

        The debt this leaves is at most one burst, so that a key that many share is not locked out for hours.
        """
        flowed = self._flowed()
        before = max(self._full_after.get(key, flowed), flowed)
        deepest = flowed + 2 * self._burst
        self._set(key, max(before, min(before + _PARTS, deepest)), flowed)

    def _flowed(self) -> int:
        return int(self._clock_s() * self._rate)

    def _check(self, key: str, amount: int, flowed: int) -> None:
        missing = self._full_after.get(key, flowed) - max(self._burst - amount * _PARTS, 0) - flowed
        if missing > 0:  # the part that is added covers what rounding takes
            raise TooMany(self._reason, self._detail, retry_after=(missing + 1) / self._rate)

    def _set(self, key: str, full_after: int, flowed: int) -> None:
        if key not in self._full_after:
            self._make_room(flowed)
        self._full_after[key] = full_after

    def _make_room(self, flowed: int) -> None:
        buckets = self._full_after
        for _ in range(min(_PASSED, len(buckets))):
            key, full_after = buckets.popitem(last=False)
            if full_after > flowed:
                buckets[key] = full_after
        if len(buckets) >= self._most_keys:
            del buckets[min(islice(buckets, _COMPARED), key=buckets.__getitem__)]
