"""The gate in front of new streams."""

from __future__ import annotations

import asyncio

from sse_signals.web.gate import Gate


async def test_so_many_pass_in_each_turn_of_the_loop_and_in_order() -> None:
    """Ten who come at once pass in their order, and never more than three of them in one turn of the loop."""
    gate = Gate(per_turn=3)
    passed: list[int] = []
    turns: list[list[int]] = []

    async def pass_through(number: int) -> None:
        await gate.enter()
        passed.append(number)

    tasks = [asyncio.create_task(pass_through(number)) for number in range(10)]
    async with asyncio.timeout(30):
        while not all(task.done() for task in tasks):
            before = len(passed)
            await asyncio.sleep(0)
            turns.append(passed[before:])
    assert passed == list(range(10))
    assert max(map(len, turns)) == 3


async def test_who_comes_alone_does_not_wait() -> None:
    """With nobody before it, a stream passes without a turn of the loop, today and after a quiet time."""
    gate = Gate(per_turn=1)
    for _ in range(3):
        entering = gate.enter()
        try:
            entering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError("it waited")
        for _ in range(3):  # turns in which nobody comes
            await asyncio.sleep(0)


async def test_how_many_wait() -> None:
    """Who ends a hub knows whether somebody is still to be told."""
    gate = Gate(per_turn=2)
    tasks = [asyncio.create_task(gate.enter()) for _ in range(5)]
    await asyncio.sleep(0)
    assert len(gate) == 3
    async with asyncio.timeout(30):
        await asyncio.gather(*tasks)
    assert len(gate) == 0


async def test_who_gives_up_takes_nobodys_place() -> None:
    """Of those who wait, one gives up; who came after it passes in its stead."""
    gate = Gate(per_turn=1)
    through, giving_up, last = [asyncio.create_task(gate.enter()) for _ in range(3)]
    await asyncio.sleep(0)
    giving_up.cancel()
    async with asyncio.timeout(30):
        await through
        await last
    assert giving_up.cancelled()
