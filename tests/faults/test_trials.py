"""The faults in their short forms, with real nodes and brokers; by hand, ``python -m tests.faults`` runs long ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.faults.__main__ import main
from tests.faults.trial import CROWDED
from tests.faults.trials import FAULTS, run

if TYPE_CHECKING:
    from pathlib import Path

# How often each happens; the gentle ones of a network need seconds each time.
COUNTS = {
    "F1": 6,
    "F2": 4,
    "F3-cut": 2,
    "F3-half-open": 2,
    "F3-slow": 2,
    "F4": 3,
    "F5": 3,
    "F5-node": 3,
    "F8": 6,
    "F9": 2,
    "F9-all": 2,  # a file goes back in two ways in turn
    "F10": 3,
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("fault", "broker"), [(name, broker) for name in FAULTS for broker in FAULTS[name].brokers])
async def test_fault(fault: str, broker: str, tmp_path: Path) -> None:
    """What must hold under a fault does, and something was there for it to hold for."""
    result = await run(fault, broker, COUNTS[fault], tmp_path, outage=2.5, allowance=CROWDED)
    assert list(result.broken) == []
    assert result.report.findings == []
    assert result.report.counts["acknowledged"] >= 10 * COUNTS[fault]
    assert result.report.counts["received"] >= result.report.counts["acknowledged"]


def test_by_hand(tmp_path: Path) -> None:
    """The command writes one line for each fault and broker, with a zero for each verdict, and what it ran on."""
    table = tmp_path / "table.md"
    words = [
        "--fault",
        "F4",
        "--fault",
        "F1",
        "--broker",
        "memory",
        "--count",
        "1",
        "--seed",
        "7",
        "--write",
        str(table),
    ]
    ended = CliRunner().invoke(main, words)
    assert ended.exit_code == 0, ended.output
    lines = table.read_text().splitlines()
    assert lines[0].startswith("| fault | broker | times | seed | acknowledged |")
    assert lines[2].startswith("| F4 | memory | 1 | 7 |")
    assert lines[2].endswith("| 0 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |")
    assert lines[3] == ""
    assert lines[-1].startswith("Python 3")
