"""Several nodes on one log: what one of them does holds on the others, whatever broker it is that they share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.errors import IdempotencyConflict
from sse_signals.model import ControlRecord, IdempotencyKey, Signal
from tests.brokers.test_contract import read

if TYPE_CHECKING:
    from tests.brokers.conftest import Logs


@pytest.fixture
async def nodes(shared_logs: Logs) -> list[Any]:
    """Three nodes on a log that was empty before."""
    first = await shared_logs.open()
    return [first, *[await shared_logs.open(name=shared_logs.names[0]) for _ in range(2)]]


def key(number: int) -> tuple[list[Signal], IdempotencyKey]:
    """Return a request that has a key, the same for each number."""
    signals = [Signal(b"%d" % number)]
    return signals, IdempotencyKey.of("me", "k", signals)


async def test_all_have_the_same_log(nodes: list[Any]) -> None:
    """Whoever publishes, ids are consecutive, and all read the same."""
    start = await nodes[0].head()
    ids = [(await nodes[number % 3].publish([Signal(b"%d" % number)])).ids[0] for number in range(9)]
    assert [place.position >> 10 for place in ids] == list(range(1, 10))
    for node in nodes:
        assert await node.head() == ids[-1]
        assert [event.message for event in await read(node, start, 9)] == list(range(9))


async def test_of_a_key_there_is_one_record_whichever_nodes_are_asked(nodes: list[Any]) -> None:
    """Repeats at the same time on all nodes publish once, and a repeat elsewhere gets the ids of the first."""
    signals, same = key(1)
    receipts = await asyncio.gather(*(nodes[number % 3].publish(signals, key=same) for number in range(12)))
    assert len({receipt.ids[0] for receipt in receipts}) == 1
    assert [receipt.repeated for receipt in receipts].count(False) == 1
    assert await nodes[0].head() == receipts[0].ids[0]
    others, conflicting = key(2)
    for node in nodes:
        assert (await node.publish(signals, key=same)).repeated
        with pytest.raises(IdempotencyConflict):
            await node.publish(others, key=conflicting)


async def test_a_name_is_claimed_once_on_all_nodes(nodes: list[Any]) -> None:
    """A ticket is redeemed once, wherever it is shown, also at the same moment."""
    for number in range(5):
        won = await asyncio.gather(*(nodes[turn % 3].state.claim(f"t/{number}", 30) for turn in range(9)))
        assert won.count(True) == 1
        assert not any([await node.state.claim(f"t/{number}", 30) for node in nodes])


async def test_a_value_that_was_put_is_seen_by_all_nodes(nodes: list[Any]) -> None:
    """As soon as it was put: who asks afterwards has it, and what was put last counts."""
    for number, node in enumerate(nodes):
        await node.state.put("a/1", b"%d" % number, 30)
        for other in nodes:
            assert await other.state.items("a/") == [("a/1", b"%d" % number)]


async def test_a_control_record_reaches_all_nodes(nodes: list[Any]) -> None:
    """At the same place, with the same text."""
    start = await nodes[0].head()
    place = await nodes[1].control(b'{"a":1}')
    for node in nodes:
        (record,) = await read(node, start, 1)
        assert isinstance(record, ControlRecord)
        assert (record.id, record.control) == (str(place), b'{"a":1}')
