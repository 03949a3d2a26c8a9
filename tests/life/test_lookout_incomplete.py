"""What a node that looks out cannot see is said in one sentence, and the rest is seen all the same."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from sse_signals.life import letters
from sse_signals.life.beacon import KEPT, PREFIX
from sse_signals.life.lookout import PATIENCE
from sse_signals.life.survey import Part
from tests.life.looking import looking, nodes_of
from tests.life.test_lookout import streams


@pytest.mark.parametrize("known", [True, False])
async def test_when_the_log_is_away_this_node_is_seen(*, known: bool) -> None:
    """And the answer says what is missing, whether the node knows already that the log is away or finds out then."""
    async with looking() as world:
        here, _ = world.nodes
        world.log.cut, here.service.follower.ready = not known, not known
        began = world.time.now
        seen = await here.look()
        assert nodes_of(seen) == {here.name}
        assert seen.incomplete is not None
        assert seen.incomplete.startswith("The log is out of reach")
        assert (world.time.now, await world.orders()) == (began, 0)
        world.log.cut, here.service.follower.ready = False, True
        assert len((await here.look()).parts) == 2


async def test_when_the_state_is_away_this_node_is_seen() -> None:
    """And the answer says what is missing; when it is back, everything is."""
    async with looking() as world:
        here, there = world.nodes
        world.state.cut = True
        with capture_logs() as logs:
            for _ in range(3):
                seen = await here.look()
                assert nodes_of(seen) == {here.name}
                assert seen.incomplete is not None
                assert "out of reach" in seen.incomplete
                await world.time.pass_by(2)
        assert [entry["event"] for entry in logs] == ["other nodes cannot see the streams of this one"] * 2
        world.state.cut = False
        await world.time.pass_by(2)
        assert nodes_of(await here.look()) == {here.name, there.name}


@pytest.mark.parametrize("what", ["log", "state"])
async def test_what_does_not_answer_is_not_waited_for(what: str) -> None:
    """This node is seen all the same, although log or state neither fail nor do anything."""
    async with looking() as world:
        here, _ = world.nodes
        getattr(world, what).silent = True
        async with asyncio.timeout(10 * PATIENCE):
            seen = await here.lookout.look(100)
        assert nodes_of(seen) == {here.name}
        assert seen.incomplete is not None
        assert "out of reach" in seen.incomplete


async def test_what_nobody_foresaw_does_not_hide_a_node_for_good() -> None:
    """It is told once, with where it happened; afterwards the node is seen again."""
    async with looking() as world:
        here, there = world.nodes
        await here.look()
        world.state.deaf = True
        with capture_logs() as logs:
            await world.time.pass_by(3)
        assert [entry["event"] for entry in logs] == ["telling other nodes of streams failed"] * 2
        assert all(isinstance(entry["exc_info"], RuntimeError) for entry in logs)
        await world.time.pass_by(KEPT)
        assert nodes_of(await here.look()) == {here.name}
        world.state.deaf = False
        await world.time.pass_by(2)
        assert nodes_of(await here.look()) == {here.name, there.name}
        world.state.deaf = True
        with capture_logs() as logs:
            await world.time.pass_by(3)
        assert len(logs) == 2  # another outage is told as well, by each node
        world.state.deaf = False


async def test_a_letter_that_cannot_be_read_only_makes_it_incomplete() -> None:
    """Of a newer version, of somebody who takes another's name, or of no node at all."""
    async with looking() as world:
        here, there = world.nodes
        letter = letters.encode(await there.overview.look(10))
        await world.state.put(f"{PREFIX}ffffffff", letter, 60.0)
        seen = await here.look()
        assert nodes_of(seen) == {here.name, there.name}
        assert seen.incomplete == "Node ffffffff says what this node cannot read."
        await world.state.put(f"{PREFIX}\x1b[31m", letter.replace(b'"v":1', b'"v":2'), 60.0)
        seen = await here.look()
        assert nodes_of(seen) == {here.name, there.name}
        assert seen.incomplete == "Nodes ffffffff, without a name say what this node cannot read."


async def test_lists_that_are_cut_are_called_so() -> None:
    """If more was asked for than a node tells others, and only then."""
    async with looking() as world:
        here, there = world.nodes
        streams(there, letters.MOST + 1)
        assert (await here.look(100)).incomplete is None
        assert (await here.look(1_000)).incomplete == f"Node {there.name} lists only some of its streams."


@pytest.mark.parametrize(("streams_", "closed"), [(True, False), (False, True)])
async def test_lists_that_are_cut_either_way(*, streams_: bool, closed: bool) -> None:
    """Open streams that are left out are missing, and so are closed ones."""
    async with looking() as world:
        here, there = world.nodes
        part = await there.overview.look(10)
        part = Part({**part.node, "node": "ffffffff"}, [], [], more_streams=streams_, more_closed=closed)
        await world.state.put(f"{PREFIX}ffffffff", letters.encode(part), 60.0)
        assert (await here.look(1)).incomplete == "Node ffffffff lists only some of its streams."
