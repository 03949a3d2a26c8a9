"""F9: the log goes backwards, as when a replica takes over that was behind, or an old copy is put back."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.faults.contents import contents
from tests.faults.happen import RETURNED, gaps, has_gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.nodes import Node
    from tests.faults.trial import Trial
    from tests.faults.world import World

BACK: Final = 1000  # records by which the log goes back


async def rolled_back(trial: Trial) -> None:
    """F9: the broker's log goes back by 1,000 records, under live streams and such that come back."""
    await _rolled_back(trial, ())


async def all_rolled_back(trial: Trial) -> None:
    """F9: the same when the nodes end too, as on one machine that fails: nobody is left who has seen what is lost."""
    await _rolled_back(trial, trial.world.nodes)


async def _rolled_back(trial: Trial, killed: Sequence[Node]) -> None:
    it = trial.world
    above, below, live = it.readers[::3], it.readers[1::3], it.readers[2::3]
    for reader in below:
        it.pause(reader)
    told, live_told = [gaps(reader) for reader in below], [gaps(reader) for reader in live]
    await _save(trial)
    await it.more(trial.random.randint(10, 100))
    for reader in above:
        it.pause(reader)
    await _burst(it)
    back, held = await _lose(trial, killed)
    there = monotonic()
    await trial.first_acknowledged(RETURNED)
    for reader, earlier in zip(live, live_told, strict=True):
        await reader.until(partial(has_gaps, reader, earlier + 1))  # now all nodes know
    if trial.random.random() < 0.5:
        await _burst(it)  # so that the positions of those above are taken again
    for reader in (*below, *above):
        it.resume(reader)
    await it.mark()
    attempts = [each for publisher in it.publishers for each in publisher.attempts if each.sent < there]
    # What was acknowledged later is in the log that is back.
    trial.destroyed |= {each.content for each in attempts if each.answered < back or each.outcome == "unknown"} - held
    trial.expect([gaps(reader) for reader in below] == told, "who stood below the fork was told of a gap")


async def _save(trial: Trial) -> None:
    """Keep the log's files as they are at one moment."""
    holder = trial.world.nodes[0] if trial.log.server is None else trial.log
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        while ") T" not in await asyncio.to_thread(Path(f"/proc/{holder.pid}/stat").read_text):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await trial.log.save()
    finally:
        os.kill(holder.pid, signal.SIGCONT)


async def _lose(trial: Trial, killed: Sequence[Node]) -> tuple[float, set[str]]:
    """Have the log go back, and return when, and what it still holds; meanwhile some nodes do not run."""
    for node in killed:
        await node.kill()
    if trial.log.server is not None:
        await trial.log.kill()
    await trial.world.answered()  # what was acknowledged while the log was there, however late that is heard
    await trial.log.roll_back()
    back = monotonic()
    if trial.log.server is not None:
        await trial.log.start()
    held = await contents(trial.log)
    for node in killed:
        await node.start()
    return back, held


async def _burst(it: World) -> None:
    publishers = [it.publisher() for _ in range(10)]
    await asyncio.gather(*(each.run(interval=0, limit=BACK // 10) for each in publishers))
