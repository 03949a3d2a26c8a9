"""Surveys one at a time, and what several nodes say put together."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

from sse_signals.life.overview import together
from sse_signals.life.survey import CHECK_EVERY, Part
from tests.fakes import NOON
from tests.life.cluster import until
from tests.life.surveyed import Surveyed


def busy() -> Surveyed:
    """Return a node with so many streams that a survey pauses, at every place where it may."""
    world = Surveyed()
    for _ in range(3 * CHECK_EVERY):
        world.client("a")
    world.network.scheduler.cost = 1.0
    return world


async def test_who_asks_while_somebody_is_answered_shares_the_next_survey() -> None:
    """However many they are; nobody gets what was seen before they asked, and each gets as many as they asked for."""
    world = busy()
    overview = world.overview()
    first = asyncio.ensure_future(overview.look(100))
    await until(lambda: world.looked == 1)
    late = world.client("late")
    others = [asyncio.ensure_future(overview.look(limit)) for limit in (100, 7, 100, 1)]
    assert len((await first).streams) == 96
    parts = await asyncio.gather(*others)
    assert world.looked == 2
    assert [len(part.streams) for part in parts] == [97, 7, 97, 1]
    assert late.stream.name in {row["stream"] for row in parts[0].streams}
    assert (await overview.look(1)).node["streams"]["open"] == 97
    assert world.looked == 3


async def test_who_asks_for_more_than_the_last_gets_it() -> None:
    """A survey that tells of fewer streams is no answer."""
    world = busy()
    overview = world.overview()
    first = asyncio.ensure_future(overview.look(10))
    await until(lambda: world.looked == 1)
    few, many = await asyncio.gather(overview.look(1), overview.look(96))
    assert (len(few.streams), len(many.streams)) == (1, 96)
    await first


async def test_who_gives_up_stops_nobody() -> None:
    """A client that leaves while its answer is made ends that work, and the next one begins its own."""
    world = busy()
    overview = world.overview()
    leaving = asyncio.ensure_future(overview.look(10))
    await until(lambda: world.looked == 1)
    staying = asyncio.ensure_future(overview.look(10))
    leaving.cancel()
    assert len((await staying).streams) == 10
    assert leaving.cancelled()


async def test_nothing_is_kept_of_a_survey() -> None:
    """When everybody has their answer: it may be large."""
    overview = busy().overview()
    asked = [asyncio.ensure_future(overview.look(100)) for _ in range(3)]
    await asyncio.wait(asked)
    asked.clear()
    await asyncio.sleep(0)
    gc.collect()
    kept = [each for each in gc.get_objects() if type(each) is Part]
    assert [each.node["streams"]["open"] for each in kept] == []


def part(node: str, *lags: int, closed: tuple[str, ...] = ()) -> Part:
    """Return what a node says that has streams with these lags."""
    streams: list[dict[str, Any]] = [
        {"stream": f"{node}-{number}", "lag": {"records": lag}, "buffered": 0, "opened": ""}
        for number, lag in enumerate(sorted(lags, reverse=True))
    ]
    return Part({"node": node}, streams, [{"stream": node, "closed": when} for when in closed])


def test_nodes_are_put_together() -> None:
    """Nodes by name, streams of all nodes by how slow they are, the newest closed first; each as many as asked for."""
    parts = [part("b", 5, 1, 0, closed=("2", "1")), part("a", 3, closed=("3", "0"))]
    said = together(parts, node="b", now_ms=NOON, limit=3)
    assert said == {
        "time": "2026-01-31T12:00:00.000Z",
        "node": "b",
        "nodes": [{"node": "a"}, {"node": "b"}],
        "streams": [parts[0].streams[0], parts[1].streams[0], parts[0].streams[1]],
        "closed": [parts[1].closed[0], parts[0].closed[0], parts[0].closed[1]],
    }
    assert together(parts, node="b", now_ms=NOON, limit=1, incomplete="No.")["incomplete"] == "No."
