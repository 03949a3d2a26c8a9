"""What an examination takes for quick, late and many, and how it marks its signals."""

from __future__ import annotations

from typing import Final

MARK: Final = "signals-doctor "  # what its signals say, before their number
CROWD: Final = 7  # streams at once: one more than a browser opens over HTTP/1.1
KEPT: Final = 5000  # signals, the last ones, of which is remembered when they were published
REPLAYED: Final = 10  # signals that are asked for again: few, since a hub need not keep many
LONGEST: Final = 256 * 1024  # bytes that are read of a short answer
HASTE: Final = 2.0  # seconds that a receipt may take, where short answers are quick
TIMES: Final = 10.0  # how many times as long as a short answer it may take, where they are slow


def patience(quick: float) -> float:
    """Return the seconds that a receipt may take.

    Args:
        quick: Seconds that short answers take.
    """
    return max(HASTE, TIMES * quick)
