"""The faults: what each does to a world at work, once, and what must hold besides what the checker sees."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.faults.line import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.faults.nodes import Node
    from tests.faults.reader import Reader
    from tests.faults.trial import Trial

RESUMED: Final = 2.0  # seconds, besides the delay that a client was asked for, until its stream is back (F1)
RETURNED: Final = 5.0  # seconds after the broker's return until something is acknowledged (F2)
ANSWERED: Final = 2.0  # seconds until a publish is answered without the broker (F3)
OUTRUN: Final = 500  # records: more than a log holds that is soon trimmed, however roughly its server does that (F5)
HISTORY: Final = ("--history-count", "50")  # events, so that it is soon trimmed (F5)


async def killed_node(trial: Trial) -> None:
    """F1: ``kill -9`` of a node."""
    await _killed(trial, trial.random.choice(trial.world.nodes))


async def _killed(trial: Trial, node: Node) -> None:
    it = trial.world
    await trial.moment()
    orphans = [reader for reader in it.readers if reader.client.sessions[-1].node == node.url]
    killed = monotonic()
    await node.kill()
    if len(it.nodes) == 1:
        await node.start()
    there = monotonic()  # since when there is a node to come back to; who is quick was there before
    for reader in orphans:
        await reader.until(partial(_resumed, reader, killed))
        trial.measured("resumed", max(0.0, reader.client.sessions[-1].opened - there), reader.delay + RESUMED)
    if not node.runs:
        await node.start()


def _resumed(reader: Reader, killed: float) -> bool:
    session = reader.client.sessions[-1]
    return session.opened > killed and bool(session.blocks)


async def killed_log(trial: Trial) -> None:
    """F2: ``kill -9`` of the broker, or of the node that has the log in it; it comes back with what it has written."""
    await trial.moment()
    if trial.log.server is None:
        node = trial.world.nodes[0]
        await node.kill()
        await node.start()
    else:
        await trial.log.kill()
        await trial.moment()
        await trial.log.start()
    await trial.first_acknowledged(RETURNED)


async def _away(trial: Trial, begin: Callable[[], Awaitable[None]]) -> None:
    """Have the broker out of reach: publishers are told within 2 s, streams stay, and then everything goes on."""
    it, proxy = trial.world, trial.log.proxy
    assert proxy is not None
    await trial.moment()
    sessions = [len(reader.client.sessions) for reader in it.readers]
    await begin()
    asked, publisher = monotonic(), it.publisher()
    while monotonic() < asked + trial.outage:
        begun = monotonic()
        attempt = await publisher.publish(None)
        trial.measured("answered while away", monotonic() - begun, ANSWERED)
        trial.expect(attempt.outcome != "acknowledged", "acknowledged while the broker was away")
        trial.expect(publisher.retry_after, "a 503 without Retry-After")
        await asyncio.sleep(0.05)
    wrong = set(publisher.statuses) - {503}
    trial.expect(not wrong, f"answers while away: {wrong}")
    ready = await it.ready()
    trial.expect(set(ready) == {503}, f"ready while away: {ready}")
    await proxy.restore()
    await trial.first_acknowledged(RETURNED)
    now = [len(reader.client.sessions) for reader in it.readers]
    trial.expect(now == sessions, f"streams ended while the broker was away: {sessions}, {now}")


async def cut_off(trial: Trial) -> None:
    """F3: connections to the broker are closed, and refused."""
    proxy = trial.log.proxy
    assert proxy is not None

    async def cut() -> None:
        proxy.cut()

    await _away(trial, cut)


async def half_open(trial: Trial) -> None:
    """F3: the network to the broker swallows everything."""
    assert trial.log.proxy is not None
    await _away(trial, trial.log.proxy.half_open)


async def slow(trial: Trial) -> None:
    """F3: the broker's answers come a byte at a time."""
    proxy = trial.log.proxy
    assert proxy is not None
    await _away(trial, lambda: proxy.shape(downstream=Line(trickle=0.5)))


async def emptied(trial: Trial) -> None:
    """F4: the broker, or the node with the log in it, comes back with nothing: every stream is told of a gap."""
    it = trial.world
    await trial.moment()
    before = [gaps(reader) for reader in it.readers]
    if trial.log.server is None:
        await it.nodes[0].kill()
        await trial.log.empty()
        await it.nodes[0].start()
    else:
        await trial.log.kill()
        await trial.log.empty()
        await trial.log.start()
    for reader, earlier in zip(it.readers, before, strict=True):
        try:
            await reader.until(partial(has_gaps, reader, earlier + 1))
        except TimeoutError:
            trial.broken.append(f"{reader.client.name} was told of no gap")


def has_gaps(reader: Reader, count: int) -> bool:
    return gaps(reader) >= count


def gaps(reader: Reader) -> int:
    return sum(block.kind == "gap" for block in reader.blocks)


async def rolled(trial: Trial) -> None:
    """F8: the nodes are ended in good order and started again, one after the other, each when the others are ready."""
    for node in trial.world.nodes:
        await trial.moment()
        code = await node.terminate()
        trial.expect(code == 0, f"a node ended with {code}")
        await node.start()
        await trial.world.all_ready()
        await trial.world.progress(5)
    failed = [attempt for each in trial.world.publishers for attempt in each.failed if attempt.tries > 1]
    told = [f"{attempt.content} failed although tried {attempt.tries} times: {attempt.answers}" for attempt in failed]
    trial.broken += [each for each in told if each not in trial.broken]  # they are among those that failed for ever


async def trimmed(trial: Trial) -> None:
    """F5: the log is trimmed while a reader is away: it is told exactly what it does not get."""
    it = trial.world
    reader = it.readers[0]  # which gets everything
    it.pause(reader)
    after, blocks = reader.last_id, len(reader.blocks)
    await it.more(3 * int(HISTORY[1]))
    it.resume(reader)
    await reader.until(lambda: any(block.kind == "event" for block in reader.blocks[blocks:]))
    missed = [block for block in reader.blocks[blocks:] if block.kind == "gap"]
    trial.expect([(gap.gap_from, gap.reason) for gap in missed] == [(after, "trimmed")], f"after {after}: {missed}")
    if not missed:
        return
    first = next(block for block in reader.blocks[blocks:] if block.kind == "event")
    await it.mark()
    attempts = [attempt for each in it.publishers for attempt in each.attempts]
    trial.expect(any(each.id == missed[0].id for each in attempts), f"the gap ends at no event: {missed}")
    # What is held and comes before the first that it got is for others.
    held = [each for each in attempts if _number(missed[0].id) < _number(each.id) < _number(first.id)]
    withheld = [each for each in held if reader.client.may_see(each)]
    trial.expect(not withheld, f"between {missed} and {first} there are {withheld}")


async def outrun(trial: Trial) -> None:
    """F5: the log is trimmed under a node that stands still for a while: its streams are told, though they are live."""
    it = trial.world
    steady, stopped = it.nodes
    readers = [reader for reader in it.readers if reader.client.sessions[-1].node == stopped.url]
    before = [gaps(reader) for reader in readers]
    os.kill(stopped.pid, signal.SIGSTOP)
    try:
        publishers = [it.publisher(node=steady) for _ in range(10)]
        await asyncio.gather(*(each.run((None,), interval=0, limit=OUTRUN // 10) for each in publishers))
    finally:
        os.kill(stopped.pid, signal.SIGCONT)
    await it.mark()
    for reader, earlier in zip(readers, before, strict=True):
        reasons = [block.reason for block in reader.blocks if block.kind == "gap"][earlier:]
        # NATS may have given the node everything: as much as there is room for under way.
        trial.expect(reasons == ["trimmed"] or trial.broker == "nats", f"{reader.client.name} was told {reasons}")
        trial.expect(set(reasons) <= {"trimmed"}, f"{reader.client.name} was told {reasons}")


def _number(event_id: str | None) -> tuple[int, ...]:
    return tuple(map(int, event_id.partition("-")[2].split("."))) if event_id else ()


async def soak(trial: Trial) -> None:
    """F10: any of the other faults that lose nothing; of several nodes the first one lives, and shows its memory."""
    networked = (cut_off, half_open, slow) if trial.log.proxy else ()
    happen = trial.random.choice((partial(_killed, node=trial.world.nodes[-1]), killed_log, *networked))
    await happen(trial)
    for number, node in enumerate(trial.world.nodes):
        trial.memory.setdefault(f"node {number}", []).append(await asyncio.to_thread(node.memory))
