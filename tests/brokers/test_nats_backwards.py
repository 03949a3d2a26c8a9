"""A NATS log that goes backwards: the nodes agree on a new epoch, and no id means two things."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sse_signals.brokers.nats_found import NOTES, spoken_here
from sse_signals.brokers.nats_link import Link
from sse_signals.brokers.records import encode_note
from sse_signals.errors import BrokerUnavailable
from sse_signals.model import Fork, HistoryLimits
from tests.brokers.nats_world import (
    LIMITS,
    Node,
    go_back,
    opened,
    operator,
    publish,
    read,
    returned,
    running,
    save,
    signals,
    until,
)
from tests.brokers.servers import NatsServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LOST = 1000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server of its own."""
    started = NatsServer(tmp_path, sync="2m").start()
    yield started
    started.stop()


async def test_ids_up_to_the_loss_stay_good_and_those_above_are_of_another_epoch(server: NatsServer) -> None:
    """Live followers on two nodes and a node that starts later see the same log; who was in what is lost is told."""
    async with opened(server.url) as broker, opened(server.url) as other:
        start = await broker.head()
        kept = await publish(broker, *range(10))
        await save(server)
        await returned(broker)
        one, two = Node(broker, start), Node(other, start)
        async with running(one.run(), two.run()):
            lost = await publish(broker, *range(10, 10 + LOST))
            await until(lambda: one.at == two.at == lost[-1])
            await go_back(server)
            await until(lambda: one.forks and two.forks)
            new = await publish(other, -1, -2)
            await until(lambda: one.at == two.at == new[-1])
        async with opened(server.url) as late:
            tail = await late.tail(LIMITS)
            for node in (one, two):
                assert node.messages == [*range(10), -1, -2]
                assert [fork.position for fork in node.forks] == [kept[-1].position | 1023]
            assert [event.message for event in tail.events if event.frame] == one.messages
            assert tail.lineage == one.forks[0].lineage == two.forks[0].lineage
            assert new[0].epoch == tail.lineage.epoch != kept[0].epoch
            assert not {*map(str, lost)} & {*map(str, new)}
            assert [event.message for event in (await read(late, kept[4], 8))[1:6]] == [5, 6, 7, 8, 9]
            first = (await read(late, lost[500], 1))[0]
            assert isinstance(first, Fork)
            assert first.position == kept[-1].position | 1023
            assert await late.head() == new[-1]


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can tell that the server was started anew, as in a cluster, whose servers stand in for each other."""
    monkeypatch.setattr(Link, "server", "")


@pytest.mark.usefixtures("nameless")
async def test_what_was_written_before_the_loss_was_noticed_is_of_the_new_epoch(server: NatsServer) -> None:
    """A node that knows nothing of the loss writes first, even more than was lost; a follower of it is set back."""
    async with opened(server.url) as broker:
        start = await broker.head()
        kept = await publish(broker, 1, 2, 3)
        await save(server)
        await returned(broker)
        node = Node(broker, start)
        async with running(node.run()):
            lost = await publish(broker, 4, 5)
            await until(lambda: node.at == lost[-1])
        await go_back(server)
        async with opened(server.url) as fresh:
            ignorant = Node(fresh, start)
            async with running(ignorant.run()):
                between = await publish(fresh, -4, -5, -6, -7)
                await until(lambda: ignorant.at == between[-1])
                await returned(broker)
                await until(lambda: ignorant.forks)
                head = await broker.head()
                await until(lambda: ignorant.at == head)
        assert ignorant.messages == [1, 2, 3, -4, -5, -6, -7]
        assert {event.epoch for event in ignorant.events if event.position > kept[-1].position} == {head.epoch}
        assert head.epoch != start.epoch


@pytest.mark.usefixtures("nameless")
async def test_what_was_acknowledged_and_not_followed_counts_as_known(server: NatsServer) -> None:
    """A node that only publishes notices the loss as well, also if there is something else in its place."""
    async with opened(server.url) as broker:
        await publish(broker, 1, 2, 3)
        await save(server)
        await returned(broker)
        lost = await publish(broker, 4)
        await go_back(server)
        async with opened(server.url) as fresh:
            (other,) = await publish(fresh, -4)
            assert other == lost[0], "it cannot know"
        head = await returned(broker)
        assert head.epoch != lost[0].epoch


async def test_a_loss_of_the_note_of_a_loss_is_noticed(server: NatsServer) -> None:
    """The log goes back twice to the same place: each time it gets another epoch, and the first is not used again."""
    async with opened(server.url) as broker:
        kept = await publish(broker, 1, 2)
        await save(server)
        epochs = {kept[0].epoch}
        for number in range(3):
            await returned(broker)
            (lost,) = await publish(broker, number)
            await go_back(server)
            epochs.add((await returned(broker)).epoch)
            assert [type(each) for each in await read(broker, lost, 1)] == [Fork]
            assert [type(each) for each in await read(broker, kept[0], 2)][:1] == [Fork]
        assert len(epochs) == 4


async def test_an_epoch_outlives_its_note(server: NatsServer) -> None:
    """The stream's configuration holds the lineage when the note in the log has been trimmed; a new node reads it."""
    async with opened(server.url) as broker:
        kept = await publish(broker, 1, 2)
        await save(server)
        await returned(broker)
        await publish(broker, 3)
        await go_back(server)
        head = await returned(broker)
        async with operator(server.url) as jetstream:
            await jetstream.purge_stream("signals")
        async with opened(server.url) as late:
            assert (await late.head()).epoch == head.epoch
            tail = await late.tail(LIMITS)
            assert tail.lineage is not None
            assert tail.lineage.shared(kept[0].epoch) == kept[-1].position | 1023
            assert not tail.events


async def test_a_log_that_has_lost_all_that_a_node_knows_shares_nothing(server: NatsServer) -> None:
    """What is below the oldest record that the node knows may be the same or not: it does not say that it is."""
    async with opened(server.url, HistoryLimits(count=1)) as broker:
        await publish(broker, 1)
        await save(server)
        head = await returned(broker)
        node = Node(broker, head)
        async with running(node.run()):
            lost = await publish(broker, 2, 3, 4, 5, 6)
            await until(lambda: node.at == lost[-1])
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            assert await returned(broker) == lost[-1]
            await go_back(server)
            await until(lambda: node.forks)
        assert node.forks[0].position == 1023
        assert node.forks[0].lineage.shared(head.epoch) == 1023


async def test_a_log_that_goes_back_while_it_is_followed_is_left(server: NatsServer) -> None:
    """Whatever the reason, a head that is lower than what is known ends the session, so that the log is compared."""
    async with opened(server.url) as broker, operator(server.url) as jetstream:
        await publish(broker, 1, 2)
        session = await broker._sessions.get(broker._sessions.deadline())
        broker._sessions.memory.saw(5, 1)
        with pytest.raises(BrokerUnavailable):
            await broker.head()
        assert not session.link.up
        head = await returned(broker)
        assert (await jetstream.get_last_msg("signals", "signals.epoch")).seq == 3
        assert head.epoch != session.root


async def test_what_is_published_after_a_note_has_an_id_of_the_new_epoch(server: NatsServer) -> None:
    """Also through a node that has not heard of the note: it is refused, looks, and publishes anew, without a loss."""
    async with opened(server.url) as broker, operator(server.url) as stream:
        old = await broker.publish(signals(1))
        session: Any = await broker._sessions.get(broker._sessions.deadline())
        for number in range(2):
            said = spoken_here(session.lineage, session.root, "another", f"epoch{number:03}")
            note = await stream.publish("signals.epoch", encode_note(NOTES, said))
            receipts = await asyncio.gather(*(broker.publish(signals(number)) for number in range(5)))
            assert {receipt.ids[0].epoch for receipt in receipts} == {f"epoch{number:03}"}
            assert sorted(receipt.ids[0].position >> 10 for receipt in receipts) == list(
                range(note.seq + 1, note.seq + 6)
            )
        fork, *events = await read(broker, old.ids[0], 13)
        assert isinstance(fork, Fork)
        assert (fork.epoch, fork.position) == ("epoch001", old.ids[0].position)
        assert [event.epoch for event in events if event.frame] == ["epoch000"] * 5 + ["epoch001"] * 5
