from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals import service as service_module
from sse_signals.cursor.start import After, Live, Newest, Oldest, opening
from sse_signals.errors import BrokerUnavailable
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.model import EventId, Signal, position
from sse_signals.topics import EVERYTHING, Filters
from tests.cable import DEADLINE, Running, running_service, until
from tests.fakes import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A service that tries again without waiting long."""
    async with running_service(monkeypatch) as made:
        yield made


def test_a_service_that_was_never_started_has_no_node() -> None:
    """Asking for it says so."""
    with pytest.raises(BrokerUnavailable, match="not started"):
        _ = Running().service.node


async def test_who_asks_for_the_head_at_once_asks_once(running: Running) -> None:
    """A thousand clients with an id that is ahead cost the log one question, and one more if its answer was older."""
    await running.service.start()
    running.cable.heads = 0
    head = await running.cable.log.head()
    ahead = After(EventId(head.epoch, position(7)))
    running.cable.slow = asyncio.Event()
    asking = [asyncio.ensure_future(running.service.look_up(ahead, EVERYTHING, ANONYMOUS)) for _ in range(1000)]
    await asyncio.sleep(0)
    asking[0].cancel()
    running.cable.slow.set()
    found = await asyncio.gather(*asking[1:])
    assert {each.log_head for each in found} == {head}
    assert running.cable.heads == 2
    for _ in range(7):
        await running.cable.log.publish([Signal(b"1")])
    found_now = await running.service.look_up(ahead, EVERYTHING, ANONYMOUS)
    assert found_now.log_head in {None, EventId(head.epoch, position(7))}
    assert running.cable.heads <= 3


@pytest.mark.parametrize("silent", [True, False])
async def test_a_log_that_does_not_answer_makes_an_id_unknown(
    running: Running, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    """Nobody waits for it longer than a short time, and the log of the service says why."""
    monkeypatch.setattr(service_module, "HEAD_TIMEOUT", 0.01)
    await running.service.start()
    head = await running.cable.log.head()
    if silent:
        running.cable.slow = asyncio.Event()
    else:
        running.cable.pulled = True
    async with asyncio.timeout(DEADLINE):
        found = await running.service.look_up(After(EventId(head.epoch, position(7))), EVERYTHING, ANONYMOUS)
    assert found.log_head is None
    assert running.lines[-1] == {
        "event": "the log's head is unknown",
        "error": "TimeoutError" if silent else "the cable is out",
    }


async def test_what_the_node_knows_by_itself_asks_nobody(running: Running) -> None:
    """Live, oldest, and ids that are not ahead cost no question."""
    event_id = await running.publish(1)
    await running.service.start()
    running.cable.heads = 0
    for start in (Live(), Oldest(), After(event_id), After(None)):
        await running.service.look_up(start, EVERYTHING, ANONYMOUS)
    assert running.cable.heads == 0


async def test_the_newest_are_counted_as_the_identity_sees_them(running: Running) -> None:
    """So many that match and may be had, over any number of blocks, while the loop goes round."""
    targets = frozenset({"group:default/a"})
    log = running.cable.log
    ids = [(await log.publish([Signal(b"1", "a", targets if n % 100 else None)])).ids[0] for n in range(1000)]
    await running.service.start()
    for count, anonymous, owner in ((0, 999, 999), (1, 899, 998), (3, 699, 996), (10, -1, 989), (10**5, -1, -1)):
        for identity, expected in ((ANONYMOUS, anonymous), (Identity("x", targets), owner)):
            found = await running.service.look_up(Newest(count), Filters.parse(["a"]), identity)
            assert found.newest_from == (ids[expected] if expected >= 0 else EventId(ids[0].epoch, 0))


async def test_stopping_ends_what_is_left(running: Running) -> None:
    """Streams that are still open learn why, and a second stop is harmless."""
    await running.service.start()
    client = Network().client()
    running.service.node.open(client.stream, Live())
    await running.service.stop()
    await running.service.stop()
    assert client.stream.ended == "shutdown"
    assert (running.service.started, running.service.ready) == (False, False)


@pytest.mark.parametrize("heard_of", [True, False])
async def test_an_id_of_an_epoch_that_is_yet_to_be_heard_of(
    running: Running, monkeypatch: pytest.MonkeyPatch, heard_of: bool
) -> None:
    """Whoever comes with it waits for the node to hear of it, but not for long; then it is a gap."""
    monkeypatch.setattr(service_module, "HEAD_TIMEOUT", DEADLINE if heard_of else 0.01)
    await running.publish(1)
    await running.reached_after_start(await running.publish(2))
    running.cable.seeing.clear()
    running.cable.log.regress(1)
    new = After(await running.publish(3))
    looking = asyncio.ensure_future(running.service.look_up(new, EVERYTHING, ANONYMOUS))
    await until(lambda: running.cable.heads)
    if heard_of:
        assert not looking.done()
        running.cable.seeing.set()
    how = opening(running.service.node.history, new, await looking)
    assert how.recovered is heard_of
    running.cable.seeing.set()


async def test_an_id_ahead_of_a_node_that_is_yet_to_hear_of_a_fork(running: Running) -> None:
    """Below the fork it is as good as ever: the node hears of it before it says anything else."""
    await running.reached_after_start(await running.publish(1))
    running.cable.seeing.clear()
    known = await running.publish(2)
    ahead = After(known)
    await running.publish(3)
    running.cable.log.regress(1)
    looking = asyncio.ensure_future(running.service.look_up(ahead, EVERYTHING, ANONYMOUS))
    await until(lambda: running.cable.heads)
    running.cable.seeing.set()
    assert opening(running.service.node.history, ahead, await looking).recovered
    assert running.service.node.head.epoch != known.epoch


async def test_a_head_that_is_lost_is_not_waited_for(running: Running) -> None:
    """A poll that asked just before the log lost its newest records ends where the log goes on."""
    lost = await running.publish(1, 2, 3)
    await running.reached_after_start(lost)
    running.cable.slow = asyncio.Event()
    running.cable.answer = lost
    polling = asyncio.ensure_future(running.service.look_up(Oldest(), EVERYTHING, ANONYMOUS, poll=True))
    await until(lambda: running.cable.heads)
    running.cable.log.regress(1)
    await until(lambda: running.service.node.head.epoch != lost.epoch)
    running.cable.slow.set()
    async with asyncio.timeout(service_module.HEAD_TIMEOUT / 2):
        await polling
