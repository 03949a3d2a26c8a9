"""Quantities in so few columns that a table of them stays where it is: six for a number, seven for the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_SMALL: Final = 100_000  # from here on numbers are written with a letter
_LETTERS: Final = ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_DAY, _HOUR, _MINUTE = 86_400, 3600, 60
UNKNOWN: Final = "-"


def count(value: float) -> str:
    """Return a number of things: ``0``, ``12``, ``12,345``, ``1.23M``."""
    return f"{value:,.0f}" if value < _SMALL - 0.5 else _short(value)


def rate(value: float | None) -> str:
    """Return how many things there are in a second, with three digits: ``0``, ``0.25``, ``12.0``; ``-`` if unknown."""
    if value is None:
        return UNKNOWN
    if value < 0.005 or value >= 99.95:
        return count(value)
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def amount(size: float) -> str:
    """Return bytes with three digits and a unit: ``999 B``, ``1.23 kB``, ``45.6 MB``."""
    if size < 999.5:
        return f"{size:.0f} B"
    short = _short(size)
    return f"{short[:-1]} {short[-1]}B"


def span(seconds: float) -> str:
    """Return a time as its two largest units: ``2d 3h``, ``1h 02m``, ``3m 04s``, ``12s``, ``0.5s``."""
    if seconds < 9.95:
        return f"{seconds:.1f}s" if seconds >= 0.05 else "0s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    days = whole // _DAY
    return f"{days}d {whole % _DAY // _HOUR:02}h" if days < 100 else f"{_short(days) if days >= _SMALL else days}d"


def clock(seconds: float) -> str:
    """Return the time of day, in UTC as in the hub's log, of a time in seconds since 1970-01-01 UTC."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S}Z"


def _short(value: float) -> str:
    size, letter = next((each for each in _LETTERS if value >= 0.9995 * each[0]), _LETTERS[-1])
    scaled = value / size
    digits = 0 if scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f}{letter}"
