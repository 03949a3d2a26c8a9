"""Work that goes on whatever becomes of who waits for it."""

from __future__ import annotations

import asyncio

import pytest

from sse_signals.life.errands import Errands


async def test_all_is_done_before_the_end() -> None:
    """What is under way gets its time; with nothing to do there is nothing to wait for."""
    errands, done = Errands(), []

    async def work() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        done.append(True)

    assert await errands.finish(10) == 0
    errands.send(work())
    assert await errands.finish(10) == 0
    assert done == [True]


async def test_what_takes_too_long_is_cancelled() -> None:
    """Only so many seconds are waited for, and then nothing is left behind, not even what others have begun."""
    errands = Errands()

    async def work() -> None:
        await asyncio.shield(errands.send(asyncio.Event().wait()))

    waiting = errands.send(work())
    assert await errands.finish(0.01) == 2
    assert waiting.cancelled()
    assert await errands.finish(10) == 0


async def test_a_failure_is_for_who_waits() -> None:
    """It neither stops the others nor the end."""
    errands = Errands()

    async def work() -> None:
        raise ZeroDivisionError

    failing = errands.send(work())
    assert await errands.finish(10) == 0
    with pytest.raises(ZeroDivisionError):
        await failing
