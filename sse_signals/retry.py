"""When to try again: pure arithmetic, the random number is an argument."""

from __future__ import annotations

from typing import Final

RECONNECT: Final = (2.0, 4.0)  # seconds; the range of the retry: field in a stream's receipt
AGED: Final = (0.0, 2.0)  # seconds; short, since streams come of age one by one
GOODBYE: Final = (1.0, 6.0)  # seconds; wider, since everybody is told at the same moment


def spread(bounds: tuple[float, float], fraction: float) -> int:
    """Return a delay in milliseconds inside ``bounds`` (seconds), so that clients do not come back all at once.

    Args:
        bounds: Least and greatest delay in seconds.
        fraction: A random number from 0 to 1.
    """
    low, high = bounds
    return round((low + (high - low) * fraction) * 1000)


def backoff(attempt: int, fraction: float, *, first: float = 0.1, longest: float = 10.0) -> float:
    """Return seconds to wait before try number ``attempt`` (from 1): exponential, with full jitter.

    Args:
        attempt: How many tries have failed.
        fraction: A random number from 0 to 1.
        first: The greatest wait after the first failure, in seconds.
        longest: The greatest wait ever, in seconds.
    """
    ceiling: float = min(longest, first * 2 ** min(attempt - 1, 30))
    return ceiling * fraction
