"""What a log on NATS knows of numbers that are given once more, or whose records are gone, and what it leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import structlog

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.nats import NatsBroker
from sse_signals.brokers.nats_found import stored
from sse_signals.brokers.nats_link import Link
from sse_signals.brokers.nats_url import read as read_url
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.history import History
from sse_signals.model import EventId, position
from tests.brokers.nats_world import DEADLINE, LIMITS, no_other, opened, operator, read, returned, signals, tell, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from nats.aio.msg import Msg

    from sse_signals.brokers.nats_found import Stored
    from tests.brokers.servers import NatsServer


async def test_who_only_publishes_gives_no_id_twice_when_another_stream_has_come_in_the_place_of_its_own(
    nats_server: NatsServer,
) -> None:
    """Nobody reads here who would notice, and the connection holds."""
    async with opened(nats_server.url, name="anew") as broker:
        ids = [(await broker.publish(signals(number))).ids[0] for number in range(3)]
        async with operator(nats_server.url) as jetstream:
            await jetstream.delete_stream("anew")
            async with opened(nats_server.url, name="anew"):
                pass
        with pytest.raises(BrokerUnavailable) as caught:
            await broker.publish(signals(3))
        assert caught.value.outcome_unknown
        head = await returned(broker)
        (after,) = (await broker.publish(signals(4))).ids
        assert after.position > head.position
        assert after.epoch == head.epoch != ids[0].epoch


async def test_the_head_is_the_newest_event_that_was_read_even_when_its_record_has_gone(
    nats_server: NatsServer,
) -> None:
    """Or a node that has read all of a log would wait for what it has."""
    async with opened(nats_server.url, name="gone") as broker:
        ids = (await broker.publish(signals(1, 2))).ids
        assert [event.id for event in await read(broker, EventId(ids[0].epoch, 0), 2)] == list(map(str, ids))
        async with operator(nats_server.url) as jetstream:
            await jetstream.purge_stream("gone")
        assert await broker.head() == ids[-1]


async def test_a_folder_of_the_shared_state_is_read_without_what_is_in_others(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short its name is, and however much is in others."""
    asked: list[Mapping[str, Any]] = []

    async def counted(link: Link, name: str, which: Mapping[str, Any], deadline: float | None = None) -> Stored | None:
        asked.append(which)
        return await stored(link, name, which, deadline)

    monkeypatch.setattr("sse_signals.brokers.nats_state.stored", counted)
    async with opened(nats_server.url, name="folders") as broker:
        for key in ("a/1", "a/2/3", "a", "ab/1", "b/a/1", "/a/1"):
            await broker.state.put(key, key.encode(), 60)
        assert sorted(await broker.state.items("a/")) == [("a/1", b"a/1"), ("a/2/3", b"a/2/3")]
        assert len(asked) == 2
        assert len(await broker.state.items("a")) == 4


@pytest.mark.parametrize("password", ["hidden,secret", "hidden/secret", "hidden@secret"])
def test_no_part_of_a_password_is_shown_that_makes_a_url_unreadable(password: str) -> None:
    """A comma divides servers, and the first piece has no @."""
    with pytest.raises(ConfigurationError) as caught:
        read_url(f"nats://user:{password}@host:4222")
    assert "hidden" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_connection_that_is_made_in_spite_of_the_end_is_ended(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client passes over a cancellation that comes in the moment in which its socket is connected."""
    links: list[Link] = []
    connect = Link.connect

    async def stubborn(link: Link) -> None:
        links.append(link)
        tell()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await connect(link)

    monkeypatch.setattr(Link, "connect", stubborn)
    broker = NatsBroker(nats_server.url, LIMITS, BrokerOptions(name="stubborn"), logger=structlog.get_logger())
    opening = asyncio.create_task(broker.open())
    await until(lambda: links)
    await broker.close()
    await opening
    assert [link.up for link in links] == [False]


@pytest.mark.parametrize("hole", ["deleted", "unreadable"])
async def test_a_node_starts_after_the_last_hole_of_a_log(nats_server: NatsServer, hole: str) -> None:
    """A record that was deleted, or is of a version to come, keeps no node from starting."""
    name = f"hole-{hole}"
    async with opened(nats_server.url, name=name) as broker, operator(nats_server.url) as jetstream:
        await broker.publish(signals(1, 2))
        await broker.publish(signals(3))
        if hole == "deleted":
            await jetstream.delete_msg(name, 2)
        else:
            await jetstream.publish(f"{name}.0", b'{"v":999}')
        last = (await broker.publish(signals(4, 5))).ids
        history = History(LIMITS, EventId(last[0].epoch, 0))
        history.load(await broker.tail(LIMITS))
        assert [event.id for event in history.read(0, history.end)] == list(map(str, last))
        assert history.floor >= position(2)
        assert history.head == last[-1].position


async def test_closing_cancels_a_connection_that_never_comes_about(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is left, and whoever waits for it does not until it would have failed by itself."""
    before = asyncio.all_tasks()
    connecting = asyncio.Event()

    async def hang(_: Link) -> None:
        connecting.set()
        await asyncio.Event().wait()

    async with opened(nats_server.url, name="hanging") as broker:
        (await broker._sessions.get(broker._sessions.deadline())).link.drop()
        monkeypatch.setattr(Link, "connect", hang)
        waiting = asyncio.ensure_future(broker.head())
        await asyncio.wait_for(connecting.wait(), DEADLINE)
    with pytest.raises(BrokerUnavailable):
        await waiting
    await no_other(before)


async def test_what_is_acknowledged_just_before_a_loss_is_not_taken_for_known(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is published, but what is known may have been compared and forgotten since: it is read from the log later."""
    request = Link.request

    async def lost(link: Link, *what: Any, **how: Any) -> Msg:
        said = await request(link, *what, **how)
        link.drop()
        return said

    async with opened(nats_server.url, name="acknowledged") as broker:
        await broker.publish(signals(1))
        memory = broker._sessions.memory
        with monkeypatch.context() as patch:
            patch.setattr(Link, "request", lost)
            receipt = await broker.publish(signals(2))
        assert receipt.ids[0].position == position(2)
        assert memory.highest == 1
        assert await returned(broker) == receipt.ids[0]
