"""F6: there is no room left for the log; by hand also on small disks: ``python -m tests.faults.filling``."""

from __future__ import annotations

import asyncio
import random
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import click

from tests.faults.__main__ import table
from tests.faults.rooms import DISKS, FEW, KINDS, room
from tests.faults.trial import LOADED, Trial
from tests.faults.trials import Result
from tests.faults.world import world

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.publisher import Publisher
    from tests.faults.reader import Reader
    from tests.faults.rooms import Kind, Room

ALL: Final = KINDS | DISKS
NO_ROOM: Final = {503, 507}
ANSWERED: Final = 2.0  # seconds that a publish may take while there is no room
RECOVERED: Final = 5.0  # seconds after there is room again within which something is acknowledged
OPENED: Final = 5.0  # seconds in which a stream opens while there is no room
FULL: Final = 30.0  # seconds until there is no room


async def run(
    name: str, count: int, folder: Path, *, seed: int = 0, outage: float = 2.5, allowance: float = LOADED,
    killed: bool = False,
) -> Result:  # fmt: skip
    """Have a log run out of room so many times, and its process killed at the end.

    Args:
        name: One of `ALL`.
        count: How often.
        folder: An empty one; for one of `DISKS`, a small disk of its own.
        seed: Of the moments at which it happens.
        outage: Seconds for which there is no room.
        allowance: Seconds that the machine may add to each bound.
        killed: Whether the process that has the log is killed each time before there is room again.
    """
    kind = ALL[name]
    async with room(kind, folder) as its_room:
        nodes = 1 if its_room.log.server is None else 2
        async with world(its_room.log.url, *its_room.options, nodes=nodes) as it:
            trial = Trial(kind.broker, its_room.log, it, random.Random(seed), outage, allowance)
            await it.read(6)
            it.publish(3, interval=0.02)
            try:
                for _ in range(count):
                    await it.progress(10)
                    await full(trial, kind, its_room, restart=killed or not kind.heals)
                await it.progress(10)
                await _read_again(trial)
                await it.settle()
            except TimeoutError as error:  # what the checker says of it is still of use
                trial.broken.append(f"not well again: {error}")
            report = it.check(forks=True)
        return Result("F6", name, count, seed, report, trial.times, trial.broken)


async def full(trial: Trial, kind: Kind, its_room: Room, *, restart: bool) -> None:
    """There is no room for a while: publishers are told so, streams stay and open, and then everything goes on."""
    it = trial.world
    await trial.moment()
    sessions = [len(reader.client.sessions) for reader in it.readers]
    await its_room.fill(it)
    publisher = it.publisher()
    async with asyncio.timeout(FULL):
        while (await publisher.publish(None)).outcome == "acknowledged":
            pass
    since, taken = monotonic(), 0
    while monotonic() < since + trial.outage:
        taken += await _taken(trial, publisher)
        await asyncio.sleep(0.05)
    # Where room comes with time, it may come meanwhile.
    trial.expect(its_room.patience or taken <= FEW, f"{taken} acknowledged without room")
    await _streams(trial, since, 503 if kind.ends else 200)
    if restart:
        await _restart(trial, its_room)
    else:
        await its_room.empty(it)
    await trial.first_acknowledged(RECOVERED + its_room.patience)
    now = [len(reader.client.sessions) for reader in it.readers[: len(sessions)]]
    trial.expect(
        (restart and trial.log.server is None) or now == sessions,
        f"streams ended while there was no room: {sessions}, {now}",
    )


async def _taken(trial: Trial, publisher: Publisher) -> bool:
    """Publish; say whether it was acknowledged, which the checker will see whether it should have been."""
    begun = monotonic()
    attempt = await publisher.publish(None)
    trial.measured("answered without room", monotonic() - begun, ANSWERED)
    if attempt.outcome == "acknowledged":
        return True
    trial.expect(publisher.statuses[-1] in NO_ROOM, f"the answer without room was {publisher.statuses[-1]}")
    trial.expect(publisher.retry_after, "an answer without Retry-After")
    return False


async def _streams(trial: Trial, since: float, wanted: int) -> None:
    """Who reads goes on, who comes is served, and nodes are ready if and only if they can follow the log."""
    it = trial.world
    for reader in it.readers:
        await reader.until(lambda reader=reader: _lives(reader, since))  # type: ignore[misc]
    ready = await it.ready()
    trial.expect(set(ready) == {wanted}, f"asked whether they are ready, nodes say {ready}")
    begun = monotonic()
    await it.read(len(it.nodes))
    trial.measured("opened without room", monotonic() - begun, OPENED)


def _lives(reader: Reader, since: float) -> bool:
    return any(block.time > since for block in reader.client.sessions[-1].blocks[-1:])


async def _restart(trial: Trial, its_room: Room) -> None:
    """Have the process that has the log die without room, and start again."""
    it, log = trial.world, trial.log
    node = it.nodes[0]
    await (node.kill() if log.server is None else log.kill())
    if not its_room.served:
        await its_room.empty(it)
    await (node.start() if log.server is None else log.start())
    if its_room.served:
        await its_room.empty(it)


async def _read_again(trial: Trial) -> None:
    """What was acknowledged is on the disk: whoever begins again from the first id gets it from who has only that."""
    it = trial.world
    if trial.log.server is not None:
        await trial.log.kill()
        await trial.log.start()
    for node in it.nodes:
        await node.kill()
        await node.start()
    again = it.readers[0]
    it.pause(again)
    first = next(block.id for block in again.blocks if block.kind == "event")
    again.last_id = first
    it.resume(again)
    await it.mark()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a disk in memory, for as long as the context lasts; only root may."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder), check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(("umount", folder), check=True)


@click.command()
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(ALL)), help="Which; all if not given.")
@click.option("--count", default=10, help="How often there is no room.")
@click.option("--seed", default=0, help="Of the moments at which it happens.")
@click.option("--outage", default=2.5, help="Seconds for which there is no room.")
@click.option("--megabytes", default=8, help="The size of small disks.")
@click.option("--killed", is_flag=True, help="Kill the process that has the log each time before there is room again.")
def main(kinds: Sequence[str], count: int, megabytes: int, **how: Any) -> None:
    """Have logs run out of room."""
    results = []
    for name in kinds or ALL:
        if name in DISKS:
            with small_disk(megabytes) as folder:
                results.append(asyncio.run(run(name, count, folder, **how)))
        else:
            with tempfile.TemporaryDirectory() as temporary:
                results.append(asyncio.run(run(name, count, Path(temporary), **how)))
    click.echo(table(results))
    if not all(result.good for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
