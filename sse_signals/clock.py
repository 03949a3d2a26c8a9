"""The wall clock, as everything takes it that has to be told the time."""

from __future__ import annotations

import time


def wall_clock_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000
