"""Which nodes there are, and where a stream is."""

from __future__ import annotations

import pytest

from sse_signals.life.nodes import KEPT, SAY_EVERY, Nodes, is_stream_name
from tests.fakes import NOON
from tests.life.cluster import Cluster, Peer, State
from tests.life.looking import CountingState
from tests.life.test_revocations import Time


def pair() -> tuple[Nodes, Nodes, Time]:
    """Return two nodes, which have said nothing yet."""
    time = Time()
    state = State(clock=time)
    return Nodes(state), Nodes(state), time


async def test_a_node_is_known_while_it_speaks() -> None:
    """Others know it for some time after its last word, longer than it is silent between two."""
    here, there, time = pair()
    assert not await here.knows(there.own)
    await there.here()
    assert await here.knows(there.own)
    time.now_ms = NOON + round(KEPT * 1000) - 1
    assert await here.knows(there.own)
    time.now_ms += 1
    assert not await here.knows(there.own)
    assert KEPT > 3 * SAY_EVERY


async def test_a_node_is_not_another() -> None:
    """It does not count itself, so that it sends nobody in a circle."""
    here, _, _ = pair()
    await here.here()
    assert not await here.knows(here.own)
    assert not await here.knows_place_of(here.name_stream())


async def test_a_node_that_leaves_is_forgotten() -> None:
    """At once, if it can say so; if not, it is no failure, and it is forgotten in time."""
    state = State(clock=Time())
    here, there = Nodes(state), Nodes(state)
    await here.here()
    await there.here()
    await state.put("node/" + "x" * 8, b"", 60.0)
    assert await here.all() == {here.own, there.own}
    state.cut = True
    await there.gone()
    state.cut = False
    assert await here.all() == {here.own, there.own}
    await there.gone()
    assert await here.all() == {here.own}


async def test_a_node_that_never_came_takes_no_leave() -> None:
    """A state that was out of reach at the start is not asked at the end, which would only take time."""
    nodes = Cluster()
    state = nodes.state = CountingState(clock=nodes.clock)
    state.cut = True
    peer = Peer(nodes)
    await peer.service.start()
    await peer.security.start()
    state.cut = False
    await peer.security.stop()
    await peer.service.stop()
    assert state.puts == 0


async def test_a_stream_s_name_says_where_it_is() -> None:
    """From the name alone another node sees whom to tell."""
    here, there, _ = pair()
    await there.here()
    name = there.name_stream()
    assert is_stream_name(name)
    assert await here.knows_place_of(name)
    assert not await there.knows_place_of(name)
    assert not await here.knows_place_of(Nodes(State()).name_stream())


@pytest.mark.parametrize("change", ["{}x", "x{}", "{}\n", "{}-", " {}", "{}/a"])
async def test_43_what_is_no_name_is_never_part_of_a_key(change: str) -> None:
    """43: nothing but a name of the one form is looked up in the shared state."""
    here, there, _ = pair()
    await there.here()
    here._state = None  # type: ignore[assignment]
    assert not await here.knows(change.format(there.own))
    assert not await here.knows(there.own.upper() + "!")
    assert not await here.knows_place_of(change.format(there.name_stream()))
    assert not await here.knows_place_of(there.name_stream()[:-1])


def test_names_cannot_be_guessed() -> None:
    """A stream's name has 64 random bits besides its node's."""
    here, there, _ = pair()
    names = [here.name_stream() for _ in range(1000)]
    assert len(set(names)) == 1000
    assert all(is_stream_name(name) for name in names)
    assert here.own != there.own
