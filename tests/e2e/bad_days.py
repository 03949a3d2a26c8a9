"""What every client has to survive: each case returns `YES`, or in a word or two what the client does instead."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.clock import wall_clock_ms
from tests.authenticated import PUBLISHER, house
from tests.e2e.case_world import ANEW, CANNOT, IGNORES, TOPICS, WAITS, YES, A, B, order
from tests.e2e.inbox import Received
from tests.e2e.scenario import CUTS, FLOOD, HISTORY, TORN, Publisher

if TYPE_CHECKING:
    from tests.e2e.case_world import World
    from tests.e2e.road import Road


async def cut(world: World, *, tidy: bool = False) -> str:
    """A client whose connection is cut, at any of eight places of an event, gets all later and nothing twice."""
    hub, publisher = await world.hub()
    async with AsyncExitStack() as stack:
        both = [await stack.enter_async_context(world.listening(hub, tidy=tidy)) for _ in CUTS]
        expected = [await publisher.one(order("first"))]
        for (road, ear), mark in zip(both, CUTS, strict=True):
            await ear.heard(expected[0].id)
            road.cut_after(mark)
        expected.append(await publisher.one(TORN))
        for road, _ in both:
            await road.was_cut()
        expected += await publisher.each([order("missed"), {"message": "missed too"}])
        for road, _ in both:
            road.release()
        for _, ear in both:
            await ear.heard(expected[-1].id)
        expected.append(await publisher.one(order("last")))
        said = {await ear.judged(expected) for _, ear in both}
        said |= {ANEW for road, _ in both if road.resumes != [None, True]}
    return ", ".join(sorted(said - {YES})) or YES


async def end(world: World) -> str:
    """The same where the response ends in good order within an event, as behind a proxy that has lost the hub."""
    return await cut(world, tidy=True)


async def gap(world: World) -> str:
    """A client that was away for longer than the hub remembers is told what it has missed, and goes on after that."""
    hub, publisher = await world.hub(history_count=HISTORY)
    async with world.listening(hub) as (road, ear):
        seen = await publisher.one(order("first"))
        await ear.heard(seen.id)
        road.drop()
        flood = await publisher.each([signal | {"topic": TOPICS[0]} for signal in FLOOD])
        road.release()
        lost, held = flood[-HISTORY - 1], flood[-HISTORY:]
        told = Received("signals.gap", lost.id, {"reason": "trimmed", "from": seen.id, "to": lost.id})
        return await ear.judged([seen, told, *held])


async def passing(road: Road, publisher: Publisher) -> None:
    """Have others fill a history of five, and heartbeats tell the client, until it has surely read one.

    What waits to be read is lost to a browser's fetch when its connection breaks.
    """
    others = await publisher.each([{"topic": "busy", "message": "often"}] * 10)
    assert await road.until(lambda road: road.passed(others[-1].id) > 5), "no heartbeats came"


async def quiet(world: World) -> str:
    """A client whose topic was quiet while others filled the history comes back without a gap."""
    hub, publisher = await world.hub(heartbeat=0.3, history_count=5)
    async with world.listening(hub) as (road, ear):
        first = await publisher.one(order("first"))
        await ear.heard(first.id)
        await passing(road, publisher)
        road.drop()
        await publisher.each([{"topic": "busy", "message": "often"}] * 4)
        road.release()
        said = await ear.judged([first, await publisher.one(order("second"))])
        return said if said != YES or False not in road.resumes else ANEW


async def goodbye(world: World) -> str:
    """A hub that leaves says goodbye, and its client goes on at another one where it was."""
    log, state = MemoryBroker(clock=wall_clock_ms), MemoryState(clock=wall_clock_ms)
    shared: dict[str, Any] = {"log": log, "state": state, "anonymous": True, "cors_origins": (world.origin,)}
    async with house(**shared) as first, house(**shared) as second:
        token = first.tokens.issue("backend", grants=PUBLISHER)
        second.tokens.known.update(first.tokens.known)
        at_first, at_second = (Publisher(world.http, hub.url, token=token) for hub in (first, second))
        async with world.listening(first.url) as (road, ear):
            expected = [await at_first.one(order("first"))]
            await ear.heard(expected[0].id)
            road.lead_to(second.url)
            await first.service.drain()
            assert await road.until(lambda road: road.passed("signals.goodbye") and road.passed("\r\n0\r\n\r\n"))
            road.drop()  # as when its process ends
            road.release()
            expected += await at_second.each([order("second"), order("third")])
            await ear.heard(expected[-1].id)
            expected.append(await at_second.one(order("last")))
            return await ear.judged(expected)


async def retry(world: World) -> str:
    """A client comes back when the hub has asked it to, so that not all come back at once."""
    hub, publisher = await world.hub()

    async def delay(asked: float) -> float:
        async with world.listening(hub, tidy=True, retry=round(asked * 1000)) as (road, ear):
            await ear.heard((await publisher.one(order("first"))).id)
            road.drop()
            road.release()
            dropped = time.monotonic()
            assert await road.until(lambda road: len(road.asked) > 1), "it never came back"
            return road.asked[1] - dropped

    short, long = await asyncio.gather(delay(0.1), delay(4.0))
    return YES if long >= 3.99 and short + 0.5 < long else IGNORES


async def deploy(world: World) -> str:
    """A client comes back, where it was at the last heartbeat, although a gateway answers 502 for a while."""
    hub, publisher = await world.hub(heartbeat=0.3, history_count=5)
    async with world.listening(hub) as (road, ear):
        expected = [await publisher.one(order("first"))]
        await ear.heard(expected[0].id)
        await passing(road, publisher)
        road.fail(2)
        road.drop()
        road.release()
        expected.append(await publisher.one(order("missed")))
        await ear.heard(expected[-1].id)
        return await ear.judged([*expected, await publisher.one(order("last"))])


async def silence(world: World) -> str:
    """A client notices by the missing heartbeats that its connection is dead, and comes back."""
    hub, publisher = await world.hub(heartbeat=0.5)
    async with world.listening(hub, silence=2.0) as (road, ear):
        expected = [await publisher.one(order("first"))]
        await ear.heard(expected[0].id)
        road.silence()
        expected.append(await publisher.one(order("missed")))
        if not await road.until(lambda road: len(road.asked) > 1, world.patience):
            return WAITS
        return await ear.judged(expected)


async def token(world: World) -> str:
    """A client that shows a token gets what is targeted at its owner, before and after a cut, and nothing else."""
    if not world.has_token:
        return CANNOT
    async with house(cors_origins=(world.origin,)) as hub:
        tokens = hub.tokens
        ann, bob = tokens.issue("user:default/ann", A), tokens.issue("user:default/bob", B)
        publisher = Publisher(world.http, hub.url, token=tokens.issue("backend", grants=PUBLISHER))
        listening = (world.listening(hub.url, token=shown) for shown in (ann, bob))
        async with AsyncExitStack() as stack:
            (road, ear), (its, other) = [await stack.enter_async_context(each) for each in listening]
            expected: tuple[list[Received], list[Received]] = ([], [])
            for turn in range(2):
                for targets in ([A], [B], [A, B]):
                    event = await publisher.one(order([turn, targets], targetOwnershipEntityRefs=targets))
                    expected[0].extend([event] * (A in targets))
                    expected[1].extend([event] * (B in targets))
                road.release()
                said = {await ear.judged(expected[0]), await other.judged(expected[1])}
                if said != {YES}:
                    break
                if turn == 0:
                    road.drop()
            subjects = [{receipt["subject"] for receipt in each.receipts} for each in (road, its)]
            assert subjects == [{"user:default/ann"}, {"user:default/bob"}]
            return ", ".join(sorted(said - {YES})) or YES
