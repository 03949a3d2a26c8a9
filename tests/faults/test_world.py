"""The laboratory at work on a hub that keeps its log in memory: a restart loses the log, and says so."""

from __future__ import annotations

import asyncio

from tests.faults.world import World, world

READERS = 6


def gaps(it: World) -> list[list[str]]:
    """Return the reasons of the gaps that each reader was told of."""
    return [[block.reason for block in reader.blocks if block.kind == "gap"] for reader in it.readers]


async def test_nothing_happens() -> None:
    """Without a fault everybody gets everything, and nobody a gap."""
    async with asyncio.timeout(60), world("memory://", nodes=1) as it:
        await it.read(READERS)
        it.publish(3)
        batches = it.publisher()
        await batches.batch("a", 5)
        await it.progress(50)
        await it.settle()
        report = it.check()
    assert report.findings == []
    assert report.counts["acknowledged"] >= 50
    assert report.counts["received"] >= 50 * READERS / 3
    assert gaps(it) == [[]] * READERS


async def test_killed_memory_node() -> None:
    """F4: a node in memory is killed and comes back empty: every reader that resumes is told of a gap, none misses."""
    async with asyncio.timeout(100), world("memory://", nodes=1) as it:
        await it.read(READERS)
        it.publish(3)
        for _ in range(2):
            await it.progress(20)
            await it.nodes[0].kill()
            await it.nodes[0].start()
        await it.settle()
        report = it.check()
    assert report.findings == []
    assert gaps(it) == [["epoch"] * 2] * READERS
    assert report.counts["sessions"] == 3 * READERS


async def test_drained_node() -> None:
    """A node that ends in good order first gives all streams what it has acknowledged, and a time to come back."""
    async with asyncio.timeout(100), world("memory://", nodes=1) as it:
        await it.read(READERS)
        it.publish(3)
        await it.progress(20)
        # What is acknowledged later may come after a stream's goodbye.
        before = [attempt for each in it.publishers for attempt in each.attempts if attempt.outcome == "acknowledged"]
        assert await it.nodes[0].terminate() == 0
        await it.everybody(lambda reader: reader.goodbyes)
        for reader in it.readers:
            wanted = [attempt.content for attempt in before if reader.client.may_see(attempt)]
            assert [content for content in wanted if not reader.has(content)] == []
        await it.nodes[0].start()
        await it.settle()
        report = it.check()
    assert report.findings == []
    assert [reader.goodbyes[0] for reader in it.readers] == ["shutdown"] * READERS
    assert gaps(it) == [["epoch"]] * READERS
