"""Nodes that are not alike on one log: of two versions during a rolling upgrade, and with clocks that differ."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.brokers import nats, records, redis
from sse_signals.model import ControlRecord, HistoryLimits, Signal, follows
from tests.brokers.test_contract import read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.brokers.conftest import Logs

NEWER = b'{"v":2,"kind":"signals","signals":"in a way that nobody knows yet"}'


@pytest.fixture
def written_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Sequence[Signal]], bytes]], None]:
    """Have the nodes write what another version would."""

    def write(encode: Callable[[Sequence[Signal]], bytes]) -> None:
        for module in (nats, redis):
            monkeypatch.setattr(module, "encode", encode)

    return write


async def test_kinds_that_a_node_does_not_know_are_passed_over(shared_logs: Logs, written_by: Any) -> None:
    """Their places count, so that nothing seems to be missing, and nobody is told anything."""
    log = await shared_logs.open()
    start = await log.head()
    await log.publish([Signal(b"1")])
    written_by(lambda _: records.encode_note("of-the-future", {"any": "thing"}))
    await log.publish([Signal(b"2")])
    written_by(records.encode)
    await log.control(b'{"a":1}')
    await log.publish([Signal(b"3")])
    first, unknown, control, last = await read(log, start, 4)
    assert [first.message, last.message] == [1, 3]
    assert isinstance(control, ControlRecord)
    assert (unknown.targets, unknown.frame) == (frozenset(), b"")
    assert all(follows(one.position, other.position) for one, other in pairwise((first, unknown, control, last)))


async def test_a_record_of_a_newer_version_is_a_hole(shared_logs: Logs, written_by: Any) -> None:
    """A node that cannot read it does not guess: it leaves it out, and the ids show that something is missing."""
    log = await shared_logs.open()
    start = await log.head()
    await log.publish([Signal(b"1")])
    written_by(lambda _: NEWER)
    await log.publish([Signal(b"2")])
    written_by(records.encode)
    await log.publish([Signal(b"3")])
    first, last = await read(log, start, 2)
    assert [first.message, last.message] == [1, 3]
    assert not follows(first.position, last.position)
    tail = await log.tail(HistoryLimits())
    assert [event.message for event in tail.events][-1] == 3


async def test_clocks_of_nodes_may_differ(shared_logs: Logs) -> None:
    """The times are the broker's: the same on all nodes, and never running backwards, whoever publishes."""
    nodes = []
    for ahead in (0, 3_600_000, -3_600_000):
        shared_logs.clock.now_ms += ahead
        nodes.append(await shared_logs.open(name="clocks-differ"))
    start = await nodes[0].head()
    for number in range(9):
        await nodes[number % 3].publish([Signal(b"%d" % number)])
    seen = [[(event.id, event.time_ms) for event in await read(node, start, 9)] for node in nodes]
    assert seen[0] == seen[1] == seen[2]
    times = [time_ms for _, time_ms in seen[0]]
    assert times == sorted(times)
