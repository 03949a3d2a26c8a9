"""What every shared state promises."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers.memory_state import MemoryState
from tests.brokers.conftest import Clock

if TYPE_CHECKING:
    from tests.brokers.conftest import States


async def held(states: States, prefix: str) -> dict[str, bytes]:
    """Return what the state holds under a prefix, after checking that no key comes twice."""
    items = await states.state.items(prefix)
    assert len(dict(items)) == len(items)
    return dict(items)


async def test_only_one_claims_a_name(states: States) -> None:
    """Of many who claim a name at the same time exactly one has it, and nobody after."""
    won = await asyncio.gather(*(states.state.claim("a", 30 * states.second) for _ in range(20)))
    assert won.count(True) == 1
    assert not await states.state.claim("a", 30 * states.second)
    assert await states.state.claim("b", 30 * states.second), "other names are free"


async def test_a_claim_ends_with_its_time(states: States) -> None:
    """A claimed name is taken for its seconds, and free afterwards; a claim that failed does not prolong it."""
    assert await states.state.claim("a", 30 * states.second)
    await states.pass_time(15)
    assert not await states.state.claim("a", 30 * states.second)
    await states.pass_time(16)
    assert await states.state.claim("a", 30 * states.second)


async def test_values_are_kept_as_they_are(states: States) -> None:
    """A key has the bytes that were put last, whatever bytes these are."""
    for value in (b"", b"\0\xff\r\n", b"x" * 100_000):
        await states.state.put("a/1", value, 30 * states.second)
        assert await held(states, "a/1") == {"a/1": value}


async def test_values_end_with_their_time(states: States) -> None:
    """A value is there for its seconds, and gone afterwards; fractions of a second count."""
    await states.state.put("a/short", b"1", 10.5 * states.second)
    await states.state.put("a/long", b"2", 30 * states.second)
    assert set(await held(states, "a/")) == {"a/short", "a/long"}
    await states.pass_time(11)
    assert set(await held(states, "a/")) == {"a/long"}
    await states.pass_time(30)
    assert await held(states, "a/") == {}


@pytest.mark.parametrize(("first", "second"), [(10, 60), (60, 10)])
async def test_putting_again_sets_the_time_anew(states: States, first: float, second: float) -> None:
    """The last time that was given counts, be it longer or shorter than the one before."""
    await states.state.put("a/1", b"1", first * states.second)
    await states.state.put("a/1", b"2", second * states.second)
    await states.pass_time(30)
    assert await held(states, "a/") == ({"a/1": b"2"} if second == 60 else {})


async def test_items_are_those_below_a_prefix(states: States) -> None:
    """A folder holds the keys that begin with its name, compared to the letter; nothing in a key is a pattern."""
    keys = ["a/1", "a/2", "a/x*[1]?", "ab/1", "A/1", "b/a/1"]
    for key in keys:
        await states.state.put(key, key.encode(), 30 * states.second)
    assert await held(states, "a/") == {key: key.encode() for key in ("a/1", "a/2", "a/x*[1]?")}
    assert await held(states, "a/x*[1]?") == {"a/x*[1]?": b"a/x*[1]?"}
    for pattern in ("*", "a/*", "?/1", "[ab]/", "a.", "nothing"):
        assert await held(states, pattern) == {}


async def test_a_key_is_found_by_its_whole_name(states: States) -> None:
    """A whole key finds its value, whatever longer keys there are."""
    await states.state.put("a/1", b"1", 30 * states.second)
    await states.state.put("a/12", b"2", 30 * states.second)
    assert (await held(states, "a/1"))["a/1"] == b"1"


async def test_what_is_over_takes_no_memory() -> None:
    """The memory of a state in this process holds what is in force, and nothing of what was."""
    clock = Clock()
    state = MemoryState(clock=clock)
    for number in range(100):
        await state.put(f"a/{number}", b"1", 10)
        await state.put(f"a/{number}", b"2", 20)
        await state.claim(f"b/{number}", 10)
    assert len(state) == 200
    clock.now_ms += 15_000
    assert len(state) == 100
    clock.now_ms += 5_000
    assert len(state) == 0
    assert not state._ends


async def test_a_value_that_is_kept_anew_again_and_again_takes_no_more_room() -> None:
    """What remembers when values end does not grow with how often they were put, and each still ends in its time."""
    clock = Clock()
    state = MemoryState(clock=clock)
    for number in range(1000):
        await state.put("a", b"%d" % number, 100)
    assert len(state._ends) < 200
    assert await state.items("a") == [("a", b"999")]
    clock.now_ms += 100_000
    assert await state.items("") == []
