"""A rolling upgrade behind Caddy in its short form; ``python -m tests.faults.upgrade`` runs long ones, and nginx."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.faults.crowd import Size
from tests.faults.observed import Report
from tests.faults.upgrade import PROXIES, Result, table, upgrade

if TYPE_CHECKING:
    from pathlib import Path

    from blockbuster import BlockBuster

    from tests.brokers.servers import NatsServer

SHORT = Size(streams=100, curls=10, delay=3.0, window=1.0, before=0.5, patience=0.2)


@pytest.fixture(autouse=True)
def blockbuster(blockbuster: BlockBuster) -> BlockBuster:
    """Let Playwright look for its driver."""
    blockbuster.functions["os.stat"].can_block_in("playwright/_impl/_driver.py", "compute_driver_executable")
    return blockbuster


@pytest.mark.timeout(120)
async def test_nobody_notices(nats_server: NatsServer, tmp_path: Path) -> None:
    """Both nodes are replaced, one after the other: nothing is lost, no publish fails, and no EventSource dies."""
    it = await upgrade(PROXIES["caddy"], SHORT, tmp_path, nats_server.url)
    assert it.report.findings == []
    assert it.good, table([it])
    assert it.report.counts["acknowledged"] >= 100
    assert len(it.away) >= SHORT.streams + SHORT.browsers  # each stream was with a node that was replaced


GOOD = Result("a proxy", SHORT, exits=[0, 0], answers=Counter({202: 5}), away=[1.0, 2.0])


@pytest.mark.parametrize(
    "changed",
    [
        {"exits": [0, 1]},
        {"exits": [0]},
        {"answers": Counter({202: 5, 503: 1})},
        {"answers": Counter[int]()},
        {"failed": 1},
        {"retried": 1},
        {"troubles": Counter(["502"])},
        {"dead": 1},
        {"report": Report(counts=Counter(gaps=1))},
    ],
    ids=str,
)
def test_somebody_notices(changed: dict[str, object]) -> None:
    """Whatever anybody could notice makes it no good upgrade."""
    assert GOOD.good
    assert not replace(GOOD, **changed).good  # type: ignore[arg-type]


def test_table() -> None:
    """Its tables have as many fields in each row as columns."""
    first, _, second = table([GOOD]).strip().partition("\n\n")
    for one in (first, second):
        assert len({line.count("|") for line in one.splitlines()}) == 1
    assert "202: 5" in second
