from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals import follower as follower_module
from sse_signals.cursor.start import Live
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.identity import ANONYMOUS
from sse_signals.model import Signal
from sse_signals.topics import EVERYTHING
from tests.cable import Running, running_service, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from sse_signals.model import Event, EventId


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """A service that tries again without waiting long."""
    async with running_service(monkeypatch) as made:
        yield made


async def test_what_was_never_started_can_be_stopped(running: Running) -> None:
    """Whoever cleans up need not know how far the start got."""
    await running.service.stop()
    assert not running.service.ready


async def test_a_node_starts_with_what_the_log_holds(running: Running) -> None:
    """After the start it has read the tail, is ready, and follows."""
    before = await running.publish(1, 2)
    await running.service.start()
    assert (running.service.started, running.service.ready) == (True, True)
    assert running.service.node.head == before
    await running.reached(await running.publish(3))
    assert len(running.service.node.history) == 3


async def test_a_log_that_cannot_be_reached_at_the_start_is_tried_again(running: Running) -> None:
    """The start does not hang; the service is not ready, refuses to look anything up, and recovers by itself."""
    running.cable.pulled = True
    event_id = await running.publish(1)
    await running.service.start()
    assert (running.service.started, running.service.ready) == (False, False)
    with pytest.raises(BrokerUnavailable, match="not been read"):
        await running.service.look_up(Live(), EVERYTHING, ANONYMOUS)
    running.cable.pulled = False
    await running.reached(event_id)
    assert running.service.started
    assert running.service.follower.failures >= 1
    assert running.lines[0]["event"] == "following the log failed"
    assert running.lines[0]["attempt"] == 1


async def test_a_log_that_stays_away_is_told_of_ever_more_seldom(running: Running) -> None:
    """Its failures do not fill the hub's own log, which also says when it is back."""
    running.cable.pulled = True
    event_id = await running.publish(1)
    await running.service.start()
    await until(lambda: running.service.follower.failures >= 20)
    running.cable.pulled = False
    await running.reached(event_id)
    failures = running.service.follower.failures
    told = [line["attempt"] for line in running.lines if line["event"] == "following the log failed"]
    assert told == [1 << power for power in range(failures.bit_length())]
    assert running.lines[-1] == {"event": "the log is followed again", "attempts": failures}


async def test_a_log_that_is_lost_and_comes_back_leaves_no_hole(running: Running) -> None:
    """While it is away the service is not ready; then it goes on exactly where it was."""
    await running.service.start()
    await running.reached(await running.publish(1))
    running.cable.pulled = True
    await running.publish(2)
    await until(lambda: not running.service.ready)
    with pytest.raises(BrokerUnavailable):
        await running.service.publish([Signal(b"1")])
    last = await running.publish(3)
    running.cable.pulled = False
    await running.reached(last)
    node = running.service.node
    assert [e.message for e in node.history.read(0, 9)] == [1, 2, 3]
    assert node.holes == 0


async def refused(_after: EventId) -> AsyncIterator[Sequence[Event]]:
    """Follow as if the log's server took no more readers."""
    raise BrokerUnavailable("there are readers enough")
    yield []


async def test_a_log_that_can_be_reached_and_not_followed_counts_as_away(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its server takes no more readers: it is asked ever more seldom, and not called back each time."""
    with monkeypatch.context() as patch:
        patch.setattr(running.cable, "follow", refused)
        await running.service.start()
        await until(lambda: running.service.follower.failures >= 20)
    failures = running.service.follower.failures
    await running.reached(await running.publish(1))
    told = [line["attempt"] for line in running.lines if line["event"] == "following the log failed"]
    assert told == [1 << power for power in range(failures.bit_length())]

    def again() -> list[int]:
        return [line["attempts"] for line in running.lines if line["event"] == "the log is followed again"]

    await until(lambda: bool(again()))
    assert again() == [failures]


async def test_a_log_that_was_followed_for_a_while_is_asked_soon_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What failed before that is over, even if nothing came meanwhile."""
    with monkeypatch.context() as patch:
        patch.setattr(running.cable, "follow", refused)
        await running.service.start()
        await until(lambda: running.service.follower.failures >= 4)
    await until(lambda: running.cable.followers)
    failures, lines = running.service.follower.failures, len(running.lines)
    monkeypatch.setattr(follower_module, "LONGEST_WAIT", 0.0)
    running.cable.ends = True
    await running.publish(1)
    await until(lambda: running.service.follower.failures > failures)
    running.cable.ends = False
    assert [line["attempt"] for line in running.lines[lines:] if "attempt" in line] == [1]


async def test_a_log_that_ends_is_followed_again(running: Running) -> None:
    """An end is a failure like any other: told, and tried again."""
    await running.service.start()
    running.cable.ends = True
    await running.publish(1)
    await until(lambda: running.service.follower.failures)
    running.cable.ends = False
    await running.reached(await running.publish(2))
    assert "the log ended" in running.lines[0]["error"]


async def test_a_log_that_cannot_be_used_ends_the_start_and_nothing_else(running: Running) -> None:
    """Whoever starts the service hears why; nobody tries again, and it can be stopped or started anew."""
    running.cable.refusal = ConfigurationError("it holds something else")
    with pytest.raises(ConfigurationError, match="something else"):
        await running.service.start()
    assert (running.service.started, running.service.ready, running.cable.opened) == (False, False, 1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await running.service.stop()
    running.cable.refusal = None
    await running.service.start()
    await running.reached(await running.publish(1))


async def test_a_log_that_cannot_be_used_any_more_is_told_and_tried_again(running: Running) -> None:
    """Streams are open by then, and go on when somebody has put it right."""
    await running.service.start()
    running.cable.refusal = ConfigurationError("it holds something else")
    running.cable.ends = True
    await running.publish(1)
    await until(lambda: running.service.follower.failures >= 3)
    running.cable.ends, running.cable.refusal = False, None
    await running.reached(await running.publish(2))
    assert [line["error"] for line in running.lines[:2]] == ["the log ended", "it holds something else"]


async def test_a_log_that_takes_too_long_to_say_no_is_tried_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start has not waited for it, so nobody would hear of it: the service goes on trying."""
    monkeypatch.setattr(follower_module, "START_PATIENCE", 0.01)
    running.cable.opening = asyncio.Event()
    await running.service.start()
    assert (running.service.started, running.cable.opened) == (False, 1)
    running.cable.refusal = ConfigurationError("it holds something else")
    running.cable.opening.set()
    await until(lambda: running.cable.opened >= 3)
    assert running.lines[0]["error"] == "it holds something else"
    running.cable.refusal = None
    await running.reached(await running.publish(1))


async def test_a_log_with_another_epoch_is_followed_on(running: Running) -> None:
    """What is lost is forgotten, what is left is not read again, and the log of the service says so."""
    first = await running.publish(1, 2)
    await running.service.start()
    lost = await running.publish(3)
    await running.reached(lost)
    lineage, last = running.cable.log.regress(1)
    new = await running.publish(4)
    await running.reached(new)
    history = running.service.node.history
    assert [e.message for e in history.read(history.start, history.end)] == [1, 2, 4]
    assert (new.epoch, lineage.shared(first.epoch)) == (lineage.epoch, last)
    assert running.lines == [{"event": "the log has another epoch", "epoch": lineage.epoch, "after": str(lost)}]


@pytest.mark.parametrize("fails", [True, False])
async def test_nothing_of_the_log_is_held_once_it_is_not_followed(
    running: Running, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Whether the node failed or is stopped in the middle of taking a batch: the connection is let go at once."""
    monkeypatch.setattr(follower_module, "SLICE", 0.0)
    await running.service.start()
    await until(lambda: running.cable.followers == 1)
    node = running.service.node
    if fails:
        monkeypatch.setattr(node, "take", lambda _: 1 / 0)
        running.cable.refusal = ConfigurationError("so that it is not followed again")
        await running.publish(1)
        await until(lambda: running.service.follower.failures)
        monkeypatch.undo()
    else:
        last = await running.publish(*range(500))
        await until(lambda: node.history.head)
        assert node.head != last
        await running.service.stop()
    assert running.cable.followers == 0


async def test_a_control_record_that_cannot_be_obeyed_disturbs_nobody(running: Running) -> None:
    """Other listeners hear of it, and what comes after it is taken."""
    heard: list[bytes] = []
    running.service.on_control.extend([lambda _: 1 / 0, heard.append])
    await running.service.start()
    await running.service.control(b"{}")
    await running.reached(await running.publish(1))
    assert heard == [b"{}"]
    assert running.lines[0]["event"] == "a control record cannot be obeyed"
