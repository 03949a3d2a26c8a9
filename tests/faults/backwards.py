"""F9: the log goes backwards, as when a replica takes over that was behind, or an old copy is put back."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

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
    since = monotonic()
    await _save(trial)
    await it.more(trial.random.randint(10, 100))
    for reader in above:
        it.pause(reader)
    await _burst(it)
    until = await _lose(trial, killed)
    attempts = [attempt for each in it.publishers for attempt in each.attempts]
    trial.destroyed |= {each.content for each in attempts if since <= each.answered and each.sent < until}
    await trial.first_acknowledged(RETURNED)
    for reader, earlier in zip(live, live_told, strict=True):
        await reader.until(partial(has_gaps, reader, earlier + 1))  # now all nodes know
    if trial.random.random() < 0.5:
        await _burst(it)  # so that the positions of those above are taken again
    for reader in (*below, *above):
        it.resume(reader)
    await it.mark()
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


async def _lose(trial: Trial, killed: Sequence[Node]) -> float:
    """Have the log go back, and return when; meanwhile some nodes do not run."""
    for node in killed:
        await node.kill()
    await _stop_log(trial)
    until = monotonic()
    await trial.log.roll_back()
    await _start_log(trial)
    for node in killed:
        if not node.runs:
            await node.start()
    return until


async def _stop_log(trial: Trial) -> None:
    await (trial.world.nodes[0] if trial.log.server is None else trial.log).kill()


async def _start_log(trial: Trial) -> None:
    log = trial.world.nodes[0] if trial.log.server is None else trial.log
    if not log.runs:
        await log.start()


async def _burst(it: World) -> None:
    publishers = [it.publisher() for _ in range(10)]
    await asyncio.gather(*(each.run(interval=0, limit=BACK // 10) for each in publishers))
