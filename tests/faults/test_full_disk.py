"""F6 in its short forms: there is no room for the log. By hand, ``python -m tests.faults.filling`` runs long ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.filling import run
from tests.faults.rooms import KINDS
from tests.faults.trial import CROWDED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.trials import Result

OUTAGE = 1.2  # seconds: more than between two heartbeats


def check(result: Result) -> None:
    """What must hold does, and something was there for it to hold for."""
    assert list(result.broken) == []
    assert result.report.findings == []
    assert result.report.counts["acknowledged"] >= 20
    assert result.report.counts["refused"] + result.report.counts["unknown"] > 0
    assert result.report.counts["received"] >= result.report.counts["acknowledged"]


@pytest.mark.parametrize("name", KINDS)
async def test_no_room(name: str, tmp_path: Path) -> None:
    """Publishers are told so and nothing else, streams stay, and with room again all goes on; nothing is lost."""
    check(await run(name, 1, tmp_path, outage=OUTAGE, allowance=CROWDED))


@pytest.mark.parametrize("name", ["sqlite, file limit", "redis, memory limit", "nats, store limit", "nats, file limit"])
async def test_killed_without_room(name: str, tmp_path: Path) -> None:
    """The same when the process that has the log is killed before there is room again."""
    check(await run(name, 1, tmp_path, outage=OUTAGE, allowance=CROWDED, killed=True))
