"""Work that many wait for is done once for all of them."""

from __future__ import annotations

import asyncio

import pytest

from sse_signals.life.shared import Shared


class Work:
    """Work that takes as long as a test wants, and whose results are numbers."""

    def __init__(self) -> None:
        self.begun = 0
        self.go_on = asyncio.Event()

    async def __call__(self) -> int:
        """Return how often it was begun."""
        self.begun += 1
        number = self.begun
        await self.go_on.wait()
        return number


async def settle() -> None:
    """Let everything happen that does not wait for work."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_asks_meanwhile_shares_the_next() -> None:
    """However many they are, and none gets what was begun before."""
    work, shared = Work(), Shared[int]()
    first = asyncio.create_task(shared.get(work))
    await settle()
    others = [asyncio.create_task(shared.get(work)) for _ in range(20)]
    await settle()
    assert work.begun == 1
    work.go_on.set()
    assert await first == 1
    assert await asyncio.gather(*others) == [2] * 20
    assert await shared.get(work) == 3


async def test_a_result_that_does_not_fit_is_not_shared() -> None:
    """Who needs another one has it made, and others share that."""
    work, shared = Work(), Shared[int]()
    asked = [asyncio.create_task(shared.get(work)) for _ in range(2)]
    asked += [asyncio.create_task(shared.get(work, fits=lambda number: number > 2)) for _ in range(2)]
    await settle()
    work.go_on.set()
    assert await asyncio.gather(*asked) == [1, 2, 3, 3]


async def test_work_that_ends_without_a_result_is_begun_anew() -> None:
    """Whether it fails or who asked first gives up: the others get theirs."""
    work, shared, go_wrong = Work(), Shared[int](), asyncio.Event()

    async def fail() -> int:
        await go_wrong.wait()
        raise ValueError("no")

    failing = asyncio.create_task(shared.get(fail))
    await settle()
    leaving, *staying = (asyncio.create_task(shared.get(work)) for _ in range(3))
    await settle()
    go_wrong.set()
    with pytest.raises(ValueError, match="no"):
        await failing
    await settle()
    assert work.begun == 1
    leaving.cancel()
    await settle()
    work.go_on.set()
    assert await asyncio.gather(*staying) == [2, 2]
