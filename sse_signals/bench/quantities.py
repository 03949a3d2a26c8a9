"""Quantities as people read them."""

from __future__ import annotations

from typing import Final

_TIMES: Final = ((1e6, "s"), (1e3, "ms"), (1, "µs"))
_SIZES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))


def duration(microseconds: float) -> str:
    """Return a duration with three digits and a unit that suits it."""
    return _scaled(microseconds, _TIMES)


def amount(size: float) -> str:
    """Return bytes with three digits and a unit that suits them."""
    return _scaled(size, _SIZES)


def number(value: float) -> str:
    """Return a number with commas between its thousands, and with a fraction only where it is small."""
    return f"{value:.3g}" if 0 < value < 100 and value != int(value) else f"{value:,.0f}"


def counted(value: float, noun: str) -> str:
    """Return a number with its noun, which takes an ``s`` unless there is one."""
    return f"{number(value)} {noun}" if value == 1 else f"{number(value)} {noun}s"


def percent(share: float) -> str:
    """Return a share of one as whole per cent, or tenths where there are few."""
    value = 100 * share
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def _scaled(value: float, units: tuple[tuple[float, str], ...]) -> str:
    scale, unit = next(((scale, unit) for scale, unit in units if value >= 0.9995 * scale), units[-1])
    scaled = value / scale
    digits = 0 if scale == 1 or scaled >= 99.95 else 1 if scaled >= 9.995 else 2
    return f"{scaled:,.{digits}f} {unit}"
