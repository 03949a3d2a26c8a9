"""Nodes see each other's streams while somebody looks, and only then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from sse_signals.life import orders
from sse_signals.life.beacon import EVERY, HOLDS, KEPT, PREFIX
from sse_signals.life.lookout import ASK_EVERY, PATIENCE, SETTLED
from tests.life.looking import Looking, LookingNode, looking, nodes_of, settle

if TYPE_CHECKING:
    from sse_signals.life.lookout import Seen

SOME = 3  # streams


def streams(node: LookingNode, count: int = SOME) -> None:
    """Open streams on a node."""
    for _ in range(count):
        node.surveyed.client("a")


async def test_who_looks_sees_all_nodes() -> None:
    """This node's part is the first, and the other's is what it says itself; nothing is missing."""
    async with looking() as world:
        here, there = world.nodes
        streams(there)
        seen = await here.look()
        assert [part.node["node"] for part in seen.parts] == [here.name, there.name]
        assert seen.incomplete is None
        assert len(seen.parts[1].streams) == SOME
        assert seen.parts[1] == await there.overview.look(100)


async def test_the_first_answer_waits_for_nodes_that_may_be_there() -> None:
    """Where nodes do not say that they are there, for a moment after the last answer; later answers wait no more."""
    async with looking(3) as world:
        began = world.time.now
        assert len(nodes_of(await world.nodes[0].look())) == 3
        assert SETTLED <= world.time.now - began < PATIENCE
        for _ in range(3):
            began = world.time.now
            assert len(nodes_of(await world.nodes[1].look())) == 3
            assert world.time.now == began
            await world.time.pass_by(1)


async def test_the_first_answer_waits_a_moment_after_each_node() -> None:
    """One that answers some time after the others is still among them."""
    async with looking(1) as world:
        [here] = world.nodes
        answering = [asyncio.ensure_future(_answer(world, number, at)) for number, at in enumerate((0.2, 0.4, 0.6))]
        seen = await here.look()
        assert seen.incomplete == "Nodes 00000000, 00000001, 00000002 say what this node cannot read."
        await asyncio.gather(*answering)


async def _answer(world: Looking, number: int, at: float) -> None:
    await world.time.sleep(at)
    await world.state.put(f"{PREFIX}{number:08x}", b"", 60.0)


async def test_the_first_answer_does_not_wait_for_ever() -> None:
    """However many nodes answer, one after another, it comes within a second."""
    async with looking(1) as world:
        [here] = world.nodes
        began = world.time.now
        looking_ = asyncio.ensure_future(world.time.during(here.lookout.look(100)))
        for number in range(30):
            await settle()
            await world.state.put(f"{PREFIX}{number:08x}", b"", 60.0)
        await looking_
        assert world.time.now - began <= PATIENCE + 0.1


async def test_nodes_that_say_that_they_are_there_are_waited_for() -> None:
    """Until they have answered and no longer; one that does not is named after a second, and until it is forgotten."""
    async with looking() as world:
        here, there = world.nodes
        for node in world.nodes:
            await node.nodes.here()
        began = world.time.now
        assert nodes_of(await here.look()) == {here.name, there.name}
        assert world.time.now - began < SETTLED
        await world.state.put("node/ffffffff", b"", 15.0)
        await world.time.pass_by(2)
        began = world.time.now
        assert (await here.look()).incomplete == "Node ffffffff has not answered."
        assert world.time.now == began
        for number in range(4):
            await world.state.put(f"node/fffffff{number}", b"", 15.0)
        said = "Nodes fffffff0, fffffff1, fffffff2 and 2 more have not answered."
        assert (await here.look()).incomplete == said


async def test_a_silent_node_costs_a_second() -> None:
    """The first answer waits as long for it, and no longer."""
    async with looking(1) as world:
        [here] = world.nodes
        await here.nodes.here()
        for number in range(2):
            await world.state.put(f"node/fffffff{number}", b"", 60.0)
        began = world.time.now
        assert (await here.look()).incomplete == "Nodes fffffff0, fffffff1 have not answered."
        assert PATIENCE <= world.time.now - began <= PATIENCE + 0.1


async def test_one_order_holds_for_some_time() -> None:
    """While nodes look, whichever does, the log gets no more than one record in ten seconds, and all stay in sight."""
    async with looking() as world:
        for second in range(60):
            began = world.time.now
            seen = await world.nodes[second % 2].look()
            assert second == 0 or world.time.now == began
            assert len(seen.parts) == 2
            assert seen.incomplete is None
            await world.time.pass_by(1)
        assert await world.orders() <= 60 / ASK_EVERY


async def test_who_looks_at_the_same_time_asks_once() -> None:
    """Many questions become one record."""
    async with looking() as world:
        here, _ = world.nodes
        both = await world.time.during(_gather(here, 5))
        assert [len(seen.parts) for seen in both] == [2] * 5
        assert await world.orders() == 1


async def _gather(node: LookingNode, count: int) -> list[Seen]:
    return list(await asyncio.gather(*(node.lookout.look(100) for _ in range(count))))


async def test_nobody_tells_anything_while_nobody_looks() -> None:
    """After the last look everything is over soon: nothing is written, and nothing is left."""
    async with looking() as world:
        assert (world.state.puts, len(world.state), await world.orders()) == (0, 0, 0)
        await world.nodes[0].look()
        await world.time.pass_by(HOLDS + EVERY)
        puts = world.state.puts
        assert HOLDS / EVERY <= puts / 2 <= HOLDS / EVERY + 1
        await world.time.pass_by(10 * HOLDS)
        assert (world.state.puts, len(world.state), await world.orders()) == (puts, 0, 1)
        assert len((await world.nodes[1].look()).parts) == 2  # and it can begin again


@pytest.mark.parametrize("shared", [True, False])
async def test_a_node_alone_writes_nothing(*, shared: bool) -> None:
    """Neither to a log that is nobody else's, nor where only this node is asked for."""
    async with looking(shared=shared) as world:
        here, _ = world.nodes
        streams(here)
        for _ in range(3):
            seen = await here.look(alone=shared)
            assert nodes_of(seen) == {here.name}
            assert len(seen.parts[0].streams) == SOME
            assert seen.incomplete is None
            await world.time.pass_by(20)
        assert (world.state.puts, await world.orders()) == (0, 0)


async def test_a_node_that_ends_vanishes() -> None:
    """At once if it can say so, else when its letter is over."""
    async with looking() as world:
        here, there = world.nodes
        await here.look()
        await there.lookout.stop()
        assert nodes_of(await here.look()) == {here.name}
        other = await world.add()
        await world.time.pass_by(1)
        assert nodes_of(await here.look()) == {here.name, other.name}
        world.state.cut = True
        await other.lookout.stop()
        world.state.cut = False
        assert nodes_of(await here.look()) == {here.name, other.name}
        await world.time.pass_by(KEPT)
        assert nodes_of(await here.look()) == {here.name}


async def test_a_node_that_ends_long_after_has_nothing_to_take_back() -> None:
    """Nothing is written at its end that is not needed."""
    async with looking() as world:
        await world.nodes[0].look()
        await world.time.pass_by(HOLDS + 2 * KEPT)
        puts = world.state.puts
        for node in world.nodes:
            await node.lookout.stop()
        assert world.state.puts == puts


async def test_a_node_that_starts_meanwhile_is_seen_at_once() -> None:
    """It need not wait for the next order; where nobody looks, or nobody can tell, it says nothing."""
    async with looking(1) as world:
        [here] = world.nodes
        quiet = await world.add()
        assert world.state.puts == 0
        await here.look()
        there = await world.add()
        assert nodes_of(await here.look()) == {here.name, quiet.name, there.name}
        assert await world.orders() == 1
        world.state.cut = True
        late = await world.add()
        world.state.cut = False
        await world.time.pass_by(1)
        assert late.name not in nodes_of(await here.look())
        await world.time.pass_by(ASK_EVERY)
        await here.look()
        await world.time.pass_by(1)
        assert late.name in nodes_of(await here.look())


@pytest.mark.parametrize("text", [b"", b"{}", b'{"v":2,"do":"look"}', b'{"v":1,"do":"dance"}', b'{"v":1,"do":"drain"}'])
async def test_other_control_records_light_nothing(text: bytes) -> None:
    """Orders of other kinds, of newer versions, and what is none: nobody is told of streams, and nothing fails."""
    async with looking() as world:
        with capture_logs() as logs:
            await world.log.control(text)
            await world.log.control(orders.encode(orders.Drain("ffffffff")))
            await world.time.pass_by(3)
        assert logs == []
        assert world.state.puts == 0
