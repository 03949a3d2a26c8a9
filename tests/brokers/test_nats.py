"""What is particular to the log on NATS: its streams, its URL, and what its server refuses."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from sse_signals.brokers.nats_answers import delivered
from sse_signals.brokers.nats_url import Place, read
from sse_signals.errors import BrokerUnavailable, ConfigurationError, MessageTooLarge
from sse_signals.model import ControlRecord, EventId, HistoryLimits, IdempotencyKey, Signal, position
from tests.brokers.nats_world import LIMITS, opened, operator, signals
from tests.brokers.nats_world import read as follow
from tests.brokers.servers import NatsServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from nats.js import JetStreamContext


@pytest.fixture
async def jetstream(nats_server: NatsServer) -> AsyncIterator[JetStreamContext]:
    """Somebody who changes streams by hand; all are gone afterwards."""
    async with operator(nats_server.url) as context:
        yield context
        for stream in await context.streams_info():
            await context.delete_stream(str(stream.config.name))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("nats://one", Place(("nats://one:4222",), "nats")),
        ("nats://one:1,two,nats://[::1]:3", Place(("nats://one:1", "nats://two:4222", "nats://[::1]:3"), "nats")),
        ("tls://a%40b:p%2Fw@one", Place(("tls://one:4222",), "tls", "a@b", "p/w")),
        ("nats://secret@one", Place(("nats://one:4222",), "nats", token="secret")),
        ("ws://one/path/", Place(("ws://one:80/path",), "ws")),
        ("wss://one", Place(("wss://one:443",), "wss")),
    ],
)
def test_a_url_says_where_and_who(url: str, place: Place) -> None:
    """Servers, with what they have in common, and credentials, whose text may be escaped."""
    assert read(url) == place
    assert "secret" not in repr(place)


@pytest.mark.parametrize(
    "url",
    ["nats://", "nats://u:hush@h:0", "nats://h:65536", "http://h", "one", "nats://u:hush@h/a?b", "nats://h,ws://h"],
)
def test_a_url_that_is_no_good_is_refused(url: str) -> None:
    """One sentence says what it may be; it does not show the password."""
    with pytest.raises(ConfigurationError, match="nats://host:4222") as caught:
        read(url)
    assert "hush" not in str(caught.value)


async def test_the_streams_are_made_as_the_settings_say(nats_server: NatsServer, jetstream: JetStreamContext) -> None:
    """Limits, files, window; a key is remembered no longer than the stream keeps its message, so that is longer."""
    limits = HistoryLimits(count=7, size=10**6, age=60)
    async with opened(nats_server.url, limits, name="made", idempotency_window=120):
        config = (await jetstream.stream_info("made")).config
        assert (config.max_msgs, config.max_bytes, config.max_age) == (7, 10**6, 120)
        assert (config.duplicate_window, config.storage, config.subjects) == (120, "file", ["made.>"])
        assert (await jetstream.stream_info("made~state")).config.allow_msg_ttl


async def test_other_limits_change_the_stream(nats_server: NatsServer, jetstream: JetStreamContext) -> None:
    """What can be changed is, and told; what is in it stays, and so does its epoch."""
    async with opened(nats_server.url, name="changed") as broker:
        kept = (await broker.publish(signals(1))).ids[0]
    with capture_logs() as logs:
        async with opened(nats_server.url, HistoryLimits(count=9), name="changed", nats_replicas=3) as broker:
            assert await broker.head() == kept
    assert (await jetstream.stream_info("changed")).config.max_msgs == 9
    told = {each["event"]: each for each in logs}
    assert told["the stream was changed to what the settings say"]["max_msgs"] == 9
    assert told["the stream has another number of replicas"]["has"] == 1


@pytest.mark.parametrize(
    "wrong", [{"storage": "memory"}, {"retention": "workqueue"}, {"no_ack": True}, {"subjects": ["elsewhere"]}]
)
async def test_a_stream_that_cannot_work_is_refused(
    nats_server: NatsServer, jetstream: JetStreamContext, wrong: dict[str, Any]
) -> None:
    """One sentence says which and why; nothing is changed."""
    [what] = wrong
    name = f"taken-{what}"  # a server may still be deleting the last one's files
    await jetstream.add_stream(**{"name": name, "subjects": [f"{name}.>"], **wrong})
    with pytest.raises(ConfigurationError, match=f"'{name}' cannot be used: it must .*{what}"):
        async with opened(nats_server.url, name=name):
            raise AssertionError("it was opened")


async def test_subjects_that_another_stream_has_are_refused(
    nats_server: NatsServer, jetstream: JetStreamContext
) -> None:
    """The server's own words say what is wrong."""
    await jetstream.add_stream(name="greedy", subjects=["mine.>"])
    with pytest.raises(ConfigurationError, match="subjects overlap"):
        async with opened(nats_server.url, name="mine"):
            raise AssertionError("it was opened")


ACCOUNTS = """
max_payload: 5000
accounts {
    WITH { jetstream: enabled, users: [{ user: "a@b", password: "p/w" }] }
    WITHOUT { users: [{ user: "c", password: "d" }] }
}
"""


async def test_credentials_and_accounts(tmp_path: Path) -> None:
    """Those in the URL are shown; wrong ones, and an account without JetStream, are a sentence at the start."""
    server = NatsServer(tmp_path, more=ACCOUNTS)
    await asyncio.to_thread(server.start)
    try:
        with capture_logs() as logs:
            async with opened(f"nats://a%40b:p%2Fw@127.0.0.1:{server.port}") as broker:
                await broker.publish(signals(1))
                with pytest.raises(MessageTooLarge, match="max_payload"):
                    await broker.publish([Signal(b'"%b"' % (b"x" * 5000))])
                assert (await broker.publish(signals(2))).ids[0].position == position(2)
        assert [each["max_payload"] for each in logs] == [5000]
        for credentials, words in (("a:wrong@", "credentials"), ("", "credentials"), ("c:d@", "JetStream is not")):
            with pytest.raises(ConfigurationError, match=words) as caught:
                async with opened(f"nats://{credentials}127.0.0.1:{server.port}"):
                    raise AssertionError("it was opened")
            assert "wrong" not in str(caught.value)
    finally:
        await asyncio.to_thread(server.stop)


async def test_tls_is_never_left_out(nats_server: NatsServer) -> None:
    """A server that does not speak it gets no credentials: the connection is given up before anything is sent."""
    with pytest.raises(BrokerUnavailable, match="does not speak TLS"):
        async with opened(f"tls://user:password@127.0.0.1:{nats_server.port}"):
            raise AssertionError("it was opened")


async def test_a_log_that_cannot_be_used_later_is_away(nats_server: NatsServer, jetstream: JetStreamContext) -> None:
    """After the start, what would have stopped it is only a reason for not publishing."""
    async with opened(nats_server.url, name="later") as broker:
        await jetstream.delete_stream("later")
        await jetstream.add_stream(name="greedy", subjects=["later.a.>"])
        for _ in range(2):
            with pytest.raises(BrokerUnavailable):
                await broker.publish(signals(1))


async def test_a_stream_that_takes_no_such_message_says_so(
    nats_server: NatsServer, jetstream: JetStreamContext
) -> None:
    """The stream's own limit is told like the server's; other refusals are known not to have happened."""
    async with opened(nats_server.url, name="small") as broker:
        config = (await jetstream.stream_info("small")).config
        await jetstream.update_stream(config.evolve(max_msg_size=200))
        with pytest.raises(MessageTooLarge):
            await broker.publish([Signal(b'"%b"' % (b"x" * 300))])
        await jetstream.update_stream(config.evolve(max_msg_size=-1, max_bytes=60, discard="new"))
        with pytest.raises(BrokerUnavailable, match="maximum bytes exceeded") as caught:
            await broker.publish(signals(1))
        assert not caught.value.outcome_unknown
        await jetstream.update_stream(config)
        assert (await broker.publish(signals(2))).ids[0].position == position(1)


async def test_a_repeat_of_what_is_not_held_any_more(nats_server: NatsServer) -> None:
    """It gets its first ids all the same: the server knows the key longer than the record."""
    async with opened(nats_server.url, HistoryLimits(count=1), name="trimmed") as broker:
        said = signals(1, 2)
        key = IdempotencyKey.of("me", "k", said)
        first = await broker.publish(said, key=key)
        await broker.publish(signals(3))
        again = await broker.publish(said, key=key)
        assert (list(again.ids), again.repeated) == (list(first.ids), True)


async def test_a_control_record_is_told_to_who_follows(nats_server: NatsServer) -> None:
    """It has a place of its own in the log."""
    async with opened(nats_server.url, name="control") as broker:
        start = await broker.head()
        place = await broker.control(b'{"a":1}')
        (event,) = await follow(broker, start, 1)
        assert isinstance(event, ControlRecord)
        assert (event.control, event.position) == (b'{"a":1}', place.position)
        assert await broker.head() == place


async def test_deleted_records_are_holes(nats_server: NatsServer, jetstream: JetStreamContext) -> None:
    """What an operator has deleted shows in the ids, for who follows and in the tail, also at its very end."""
    async with opened(nats_server.url, name="holes") as broker:
        start = await broker.head()
        for number in range(1, 7):
            await broker.publish(signals(number))
        for record in (1, 3, 6):
            await jetstream.delete_msg("holes", record)
        places = [position(record) for record in (2, 4, 5)]
        tail = await broker.tail(LIMITS)
        assert [event.position for event in tail.events] == places
        assert [event.position for event in await follow(broker, start, 3)] == places
        assert (await broker.head()).position >> 10 == 6


async def test_a_log_without_signals_has_an_empty_tail(nats_server: NatsServer, jetstream: JetStreamContext) -> None:
    """What the brokers keep in the log for themselves is passed over, also where there is nothing else."""
    async with opened(nats_server.url, name="notes") as broker:
        note = await jetstream.publish("notes.epoch", b"nonsense")
        tail = await broker.tail(LIMITS)
        assert list(tail.events) == []
        assert note.seq == 1
        first = (await broker.publish(signals(1))).ids[0]
        assert first.position == position(2)
        assert [event.message for event in (await broker.tail(LIMITS)).events] == [1]


async def test_large_records_come_in_small_pieces(nats_server: NatsServer) -> None:
    """The server sends no more than some megabytes at a time, and a piece holds about a thousand events."""
    async with opened(nats_server.url, name="large") as broker:
        start = await broker.head()
        for _ in range(12):
            await broker.publish([Signal(b'"%b"' % (b"x" * 1_000_000))])
        await asyncio.gather(*(broker.publish(signals(*range(400))) for _ in range(8)))
        pieces: Any = broker.follow(start)
        sizes = []
        async with asyncio.timeout(20), aclosing(pieces):
            async for piece in pieces:
                sizes.append(len(piece))
                if sum(sizes) == 12 + 8 * 400:
                    break
        assert max(sizes) < 1500


def test_a_log_lives_across_loops(nats_server: NatsServer) -> None:
    """Opened and closed in one loop, it can be used in another; closing twice is harmless."""
    from sse_signals.broker_options import BrokerOptions
    from sse_signals.brokers.nats import NatsBroker

    broker = NatsBroker(nats_server.url, LIMITS, BrokerOptions(name="loops"), logger=None)

    async def once(number: int) -> EventId:
        receipt = await broker.publish(signals(number))
        await broker.close()
        await broker.close()
        return receipt.ids[0]

    first, second = (asyncio.run(once(number)) for number in range(2))
    assert (first.epoch, first.position + 1024) == (second.epoch, second.position)


def test_where_a_delivered_message_is_from() -> None:
    """With and without a domain, an account and a random end."""
    assert delivered("$JS.ACK.log.name.1.7.2.1700.3") == ("name", 7, 1700, 3)
    assert delivered("$JS.ACK.domain.account.log.name.1.7.2.1700.3.random") == ("name", 7, 1700, 3)


async def test_replicas_need_a_cluster(nats_server: NatsServer) -> None:
    """One server cannot hold several copies, and waiting does not change that."""
    with pytest.raises(ConfigurationError, match="--nats-replicas"):
        async with opened(nats_server.url, name="copies", nats_replicas=3):
            pass
