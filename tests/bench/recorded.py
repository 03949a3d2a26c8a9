"""The figures of RESULTS.md, read from its tables: what pictures of the documentation are drawn from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parent / "RESULTS.md"
_MEASURED: Final = re.compile(r"([\d.,]+) \[([\d.,]+), ([\d.,]+)\]")


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of some runs, and the least and the greatest of them."""

    median: float
    least: float
    greatest: float


def figures(text: str) -> dict[tuple[str, str], dict[str, Measured]]:
    """Return what was measured, by scenario and quantity, and then by hub.

    Args:
        text: Markdown with tables whose first column is the scenario, the second the quantity, and whose others are
            named after hubs, with cells such as ``13.6 [10.6, 14.8]``.
    """
    found: dict[tuple[str, str], dict[str, Measured]] = {}
    hubs: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if cells[1:2] == ["median [min, max]"]:
            hubs = cells[2:]
        elif not cells or len(cells) != len(hubs) + 2:
            hubs = []
        else:
            values = {hub: _measured(cell) for hub, cell in zip(hubs, cells[2:], strict=True)}
            kept = {hub: value for hub, value in values.items() if value is not None}
            if kept:
                found[(cells[0], cells[1])] = kept
    return found


def _measured(cell: str) -> Measured | None:
    match = _MEASURED.fullmatch(cell)
    return None if match is None else Measured(*(float(number.replace(",", "")) for number in match.groups()))
