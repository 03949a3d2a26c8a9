"""What a NATS server does seldom: refusals, races between nodes, silence, and connections of other kinds."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError
from structlog.testing import capture_logs

from sse_signals.brokers.nats_link import Link
from sse_signals.brokers.nats_memory import Memory
from sse_signals.errors import BrokerUnavailable, ConfigurationError
from sse_signals.model import Fork, IdempotencyKey, position
from tests.brokers.nats_world import (
    DEADLINE,
    LIMITS,
    always,
    gone_back,
    meddle,
    opened,
    operator,
    read,
    returned,
    signals,
)
from tests.brokers.servers import SLACK
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from tests.brokers.servers import NatsServer


async def test_a_key_that_somebody_else_is_just_using_is_asked_for_again(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cluster answers it while the first is not stored yet."""
    async with opened(nats_server.url, name="busy") as broker:
        seen = meddle(monkeypatch, "busy.0", always(10158), 2)
        receipt = await broker.publish(signals(1), key=IdempotencyKey.of("me", "k", signals(1)))
        assert len(seen) == 2
        assert receipt.ids[0].position == position(1)


@pytest.mark.parametrize(
    ("part", "code", "error"),
    [
        ("STREAM.INFO.made", 10039, ConfigurationError),
        ("STREAM.INFO.made", 10008, BrokerUnavailable),
        ("STREAM.CREATE.made", 10047, ConfigurationError),
        ("STREAM.UPDATE.made", 10052, ConfigurationError),
    ],
)
async def test_what_the_server_refuses_at_the_start(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch, part: str, code: int, error: type[Exception]
) -> None:
    """What lasts is somebody's to mend, what a cluster says while it elects is not."""
    name = f"made-{part.split('.')[1]}-{code}"
    if "UPDATE" in part:
        async with opened(nats_server.url, name=name):
            pass
    seen = meddle(monkeypatch, part, always(code))
    with pytest.raises(error, match=r"for a test|not enabled"):
        async with opened(nats_server.url, name=name, idempotency_window=200):
            raise AssertionError("it was opened")
    assert seen


async def test_two_nodes_make_the_streams_at_once(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second takes what the first has made."""

    async def other() -> None:
        async with opened(nats_server.url, name="both", idempotency_window=100):
            pass

    seen = meddle(monkeypatch, "STREAM.CREATE.both", other)
    async with opened(nats_server.url, name="both") as broker:
        await broker.publish(signals(1))
    assert seen


async def test_two_nodes_that_notice_a_loss_at_once_agree(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first gives the log its epoch, the second takes it."""
    async with opened(nats_server.url, name="race") as one, opened(nats_server.url, name="race") as two:
        start = (await one.publish(signals(1))).ids[0]
        heads = []

        async def other() -> None:
            heads.append(await gone_back(two))

        seen = meddle(monkeypatch, "race.epoch", other)
        heads.append(await gone_back(one))
        assert seen
        assert heads[0] == heads[1] == await returned(two)
        assert heads[0].epoch != start.epoch
        lineage = (await one.tail(LIMITS)).lineage
        assert lineage is not None
        assert len(lineage.forks) == 1


async def test_nodes_that_never_agree_are_away(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried some times, then later again; what else is refused is told as it is."""
    async with opened(nats_server.url, name="quarrel") as broker:
        await broker.publish(signals(1))
        for code, words, times in ((10071, "do not agree", 10), (10023, "for a test", 1)):
            with monkeypatch.context() as patch:
                seen = meddle(patch, "quarrel.epoch", always(code), 100)
                with pytest.raises(BrokerUnavailable):
                    await gone_back(broker, tries=1)
                with pytest.raises(BrokerUnavailable, match=words):
                    await broker.head()
                assert len(seen) == 2 * times
        await returned(broker)


async def test_a_lineage_that_cannot_be_written_holds_by_its_note(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream's configuration may belong to somebody else; and a note that says nothing is passed over."""
    async with opened(nats_server.url, name="readonly") as broker:
        kept = (await broker.publish(signals(1))).ids[0]
        seen = meddle(monkeypatch, "STREAM.UPDATE", always(10052), 100)
        with capture_logs() as logs:
            head = await gone_back(broker)
        assert seen
        assert any("lineage" in each["event"] for each in logs)
        async with opened(nats_server.url, name="readonly") as late, operator(nats_server.url) as jetstream:
            assert (await late.head()).epoch == head.epoch
            await jetstream.publish("readonly.epoch", b'{"v":1,"kind":"epoch","said":7}')
            await jetstream.publish("readonly.epoch", b"nonsense")
            events = await read(late, kept, 3)
            assert [type(each) for each in events[:1]] == [Fork]
            assert (await late.head()).epoch == head.epoch


async def test_a_message_that_cannot_be_read_is_away(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a message that is not there is none."""
    async with opened(nats_server.url, name="unread") as broker:
        await broker.publish(signals(1))
        meddle(monkeypatch, "MSG.GET", always(10023))
        with pytest.raises(BrokerUnavailable, match="for a test"):
            await broker.head()
        assert (await broker.head()).position == position(1)


async def test_subjects_come_in_pages(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server names no more than some at a time."""
    ask = Link.ask

    async def paged(link: Link, question: str, value: Any = None, **how: Any) -> Any:
        if not value or "offset" not in value:
            return await ask(link, question, value, **how)
        said = await ask(link, question, {**value, "offset": 0}, **how)
        whole = dict(sorted((said["state"].get("subjects") or {}).items()))
        said["total"] = len(whole)
        said["state"]["subjects"] = dict(list(whole.items())[value["offset"] :][:2])
        return said

    async with opened(nats_server.url, name="pages") as broker:
        for number in range(5):
            await broker.state.put(f"f/{number}", b"", 60)
        monkeypatch.setattr(Link, "ask", paged)
        found = await broker.state.items("f/")
        assert sorted(key for key, _ in found) == [f"f/{number}" for number in range(5)]


async def test_a_claim_that_is_over_is_free_at_once(nats_server: NatsServer) -> None:
    """The server counts whole seconds, the claim does not; of many who want it then, one gets it."""
    async with opened(nats_server.url, name="claims") as broker:
        begun = time.monotonic()
        assert await broker.state.claim("a", 0.2)
        won: list[bool] = []
        while not any(won):
            won = await asyncio.gather(*(broker.state.claim("a", 30) for _ in range(5)))
        assert won.count(True) == 1
        assert 0.15 < time.monotonic() - begun < 0.4 + SLACK


async def test_a_claim_that_ends_as_it_is_looked_at_is_won(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was there when the next came, and is gone when that looks: it is tried again, and not taken for one's own."""
    async with opened(nats_server.url, name="ending") as broker, operator(nats_server.url) as jetstream:
        assert await broker.state.claim("a", 60)

        async def gone() -> None:
            await jetstream.purge_stream("ending~state")

        seen = meddle(monkeypatch, "MSG.GET.ending~state", gone)
        assert await broker.state.claim("a", 60)
        assert len(seen) == 1
        assert not await broker.state.claim("a", 60)


async def test_a_shared_state_that_was_deleted_is_made_anew(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call fails, the next works; what is refused otherwise is told."""
    async with opened(nats_server.url, name="state") as broker, operator(nats_server.url) as jetstream:
        state = broker.state
        for call in (lambda: state.claim("a", 9), lambda: state.put("a", b"", 9), lambda: state.items("a")):
            await jetstream.delete_stream("state~state")
            with pytest.raises(BrokerUnavailable):
                await call()
            await returned(broker)
            await call()
        meddle(monkeypatch, "state~state.", always(10047))
        with pytest.raises(BrokerUnavailable, match="for a test"):
            await state.claim("b", 9)


async def test_a_lost_connection_is_not_used(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for requests nor for what has come through it; what comes for nobody is passed over."""
    async with opened(nats_server.url, name="lost") as broker:
        sessions = broker._sessions
        session = await sessions.get(sessions.deadline())
        await session.link._incoming(Msg(None, "lost.0", "$JS.ACK.lost.nobody.1.1.1.1.0"))  # type: ignore[arg-type]
        await session.link._incoming(Msg(None, session.link._inbox + "77"))  # type: ignore[arg-type]

        async def closed(*_: object) -> None:
            raise ConnectionClosedError

        with monkeypatch.context() as patch:
            patch.setattr(session.link._client, "publish", closed)
            with pytest.raises(BrokerUnavailable):
                await session.link.send("lost.0", b"")
        session.link.drop()
        with pytest.raises(BrokerUnavailable) as caught:
            await session.link.request("lost.0", b"")
        assert not caught.value.outcome_unknown
        with pytest.raises(BrokerUnavailable):
            sessions.saw(session, [])
        with pytest.raises(BrokerUnavailable):
            await session.link.send("lost.0", b"")


async def test_closing_while_it_connects(nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the connection is told that there is none."""
    connect, connecting = Link.connect, asyncio.Event()

    async def told(link: Link) -> None:
        connecting.set()
        await connect(link)

    async with FaultProxy("127.0.0.1", nats_server.port) as proxy:
        async with opened(f"nats://127.0.0.1:{proxy.port}", name="closing") as broker:
            (await broker._sessions.get(broker._sessions.deadline())).link.drop()
            await proxy.half_open()
            monkeypatch.setattr(Link, "connect", told)
            waiting = asyncio.ensure_future(broker.head())
            await asyncio.wait_for(connecting.wait(), DEADLINE)
        with pytest.raises(BrokerUnavailable):
            await waiting


def test_what_is_acknowledged_late_changes_nothing() -> None:
    """The highest counts, in whatever order the answers come."""
    memory = Memory(10)
    memory.acknowledged(3, b"3")
    memory.acknowledged(2, b"2")
    assert memory.highest == 3


def test_what_is_known_of_records_is_bounded() -> None:
    """The newest records are told apart by their times; of older ones only the latest is known."""
    memory = Memory(3)
    for record in range(1, 8):
        memory.saw(record, record * 100)
    assert [memory.time_ns(record) for record in (4, 5, 6, 7, 9)] == [0, 500, 600, 700, 700]
    assert memory.highest == 7
