"""What is particular to the log on Redis."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from sse_signals.errors import BrokerUnavailable, IdempotencyTableFull
from sse_signals.model import INDEX_MASK, ControlRecord, EventId, Fork, HistoryLimits, IdempotencyKey, Signal, position
from tests.brokers.redis_nodes import AFTER_ALL, DEADLINE, a_database, client, made, node, publish, read, signals  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.brokers.redis import RedisBroker
    from tests.brokers.servers import RedisServer

ODD = ["*", ">", ".", "a b", "a*[1]?", "{x}", "}{", "KEYS[1]", "$", "'] or 1", "é\N{SNOWMAN}", "a\\255"]


@pytest.fixture
async def broker(url: str) -> AsyncIterator[RedisBroker]:
    """An empty log."""
    async with client(url) as redis:
        await redis.flushdb()
    async with node(url) as broker:
        yield broker


async def test_18_and_43_names_mean_nothing_to_redis(broker: RedisBroker, url: str) -> None:
    """Topics, publishers, keys and state keys of any letters stay apart, and none becomes a key of the server."""
    for number, name in enumerate(ODD):
        sent = [Signal(b"%d" % number, name, frozenset({name}), name)]
        key = IdempotencyKey.of(name, name, sent)
        assert not (await broker.publish(sent, key=key)).repeated
        assert (await broker.publish(sent, key=key)).repeated
        assert await broker.state.claim(name, 60)
        await broker.state.put(f"{name}/x", b"%d" % number, 60)
    events = await read(broker, AFTER_ALL, len(ODD))
    assert [(e.address, e.targets, e.message) for e in events] == [
        (name, frozenset({name}), number) for number, name in enumerate(ODD)
    ]
    for number, name in enumerate(ODD):
        assert await broker.state.items(f"{name}/") == [(f"{name}/x", b"%d" % number)]
    assert len(await broker.state.items("")) == 2 * len(ODD)
    kinds = ("log", "meta", "keys", "key-ends", "state", "state-names", "state-ends")
    async with client(url) as redis:
        assert {key.decode() for key in await redis.keys()} == {f"sse_signals:{{signals}}:{kind}" for kind in kinds}


async def test_the_table_of_keys_is_bounded(url: str) -> None:
    """A full table refuses new keys and says for how long; what is over is thrown away, and not one key sooner."""
    async with node(url, name="bounded", idempotency_keys=2, idempotency_window=2) as broker:
        for number in range(2):
            await broker.publish(signals(1), key=IdempotencyKey.of("me", f"{number}", signals(1)))
        with pytest.raises(IdempotencyTableFull) as caught:
            await broker.publish(signals(1), key=IdempotencyKey.of("me", "2", signals(1)))
        assert 0 < caught.value.retry_after <= 2
        await asyncio.sleep(2.01)
        again = await broker.publish(signals(2), key=IdempotencyKey.of("me", "0", signals(2)))
        assert not again.repeated
    async with client(url) as redis:
        assert await redis.hlen("sse_signals:{bounded}:keys") == 1
        assert await redis.zcard("sse_signals:{bounded}:key-ends") == 1
        assert 0 < await redis.pttl("sse_signals:{bounded}:keys") <= 62_000


async def test_state_that_is_over_takes_no_room(broker: RedisBroker, url: str) -> None:
    """It is thrown away with the next that is put, and all of it when nothing is put any more."""
    for number in range(20):
        await broker.state.put(f"a/{number}", b"1", 0.05)
    await asyncio.sleep(0.06)
    assert await broker.state.items("a/") == []
    await broker.state.put("b", b"1", 60)
    await broker.state.put("c", b"1", 0.1)
    async with client(url) as redis:
        for kind, size in (("state", redis.hlen), ("state-names", redis.zcard), ("state-ends", redis.zcard)):
            assert await size(f"sse_signals:{{signals}}:{kind}") == 2
            assert 30_000 < await redis.pttl(f"sse_signals:{{signals}}:{kind}") <= 61_000


async def test_the_log_is_trimmed_by_count(url: str) -> None:
    """It holds what it should, and not much more; a node that starts sees where it begins."""
    async with node(url, HistoryLimits(count=200), name="count") as broker:
        last = await publish(broker, *range(1000))
        tail = await broker.tail(HistoryLimits())
    assert [e.message for e in tail.events] == list(range(1000 - len(tail.events), 1000))
    assert 200 <= len(tail.events) <= 300
    assert tail.floor.position >> 10 == (last.position >> 10) - len(tail.events)


async def test_the_log_is_trimmed_by_size(url: str) -> None:
    """Large records take no more memory of the server than the limit says, roughly; a tail is not larger either."""
    async with node(url, HistoryLimits(size=1_000_000), name="size") as broker:
        for _ in range(100):
            await broker.publish([Signal(b'"%b"' % (b"x" * 50_000))])
        await broker.head()  # what was handed in before is done
        async with client(url) as redis:
            assert await redis.memory_usage("sse_signals:{size}:log", samples=0) <= 1_200_000
        assert len((await broker.tail(HistoryLimits(size=200_000))).events) < 20


async def test_the_log_is_trimmed_by_age(url: str) -> None:
    """What is too old goes as new records come; all may be too old."""
    async with node(url, HistoryLimits(count=160, age=2), name="age") as broker:
        await publish(broker, *range(5))
        await asyncio.sleep(2.01)
        await publish(broker, *range(5, 25))
        tail = await broker.tail(HistoryLimits())
        assert [e.message for e in tail.events] == list(range(5, 25))
        async with client(url) as redis:
            await redis.xtrim("sse_signals:{age}:log", maxlen=0, approximate=False)
        head = await broker.head()
        assert (await broker.tail(HistoryLimits())).floor == head
        async with node(url, HistoryLimits(count=10), name="age") as other:
            async with client(url) as redis:
                await redis.delete("sse_signals:{age}:log")
            assert await publish(other, 1) != head


async def test_a_log_whose_hash_is_lost_goes_on_with_its_numbers(url: str) -> None:
    """In a new epoch, since nobody knows what else was lost; also a node that is connected sees it."""
    async with node(url, name="hashless") as broker:
        head = await publish(broker, 1, 2, 3)
        async with client(url) as redis:
            await redis.delete("sse_signals:{hashless}:meta")
        new = await broker.head()
        assert new.epoch != head.epoch
        assert new.position >> 10 == head.position >> 10
        assert (await publish(broker, 4)).position >> 10 == 4
        assert [e.message for e in await read(broker, AFTER_ALL, 4)] == [1, 2, 3, 4]
        assert [e.message for e in await read(broker, new, 1)] == [4]


async def test_a_log_that_gets_another_epoch_is_followed_on(broker: RedisBroker, url: str) -> None:
    """Whoever has read further than the old one counts goes back to there, and gets what follows anew."""
    head = await publish(broker, 1, 2)
    async with aclosing(broker.follow(head)) as pieces:  # type: ignore[type-var]
        waiting = asyncio.ensure_future(anext(pieces))
        await publish(broker, 3)
        await waiting
        waiting = asyncio.ensure_future(anext(pieces))
        async with client(url) as redis:
            forks = b'[["%b",%d]]' % (head.epoch.encode(), position(2, INDEX_MASK))
            await redis.hset("sse_signals:{signals}:meta", mapping={"epoch": "newepoch", "forks": forks})
        assert (await publish(broker, 4)) == EventId("newepoch", position(4))
        (fork,) = await waiting
        assert isinstance(fork, Fork)
        assert (fork.epoch, fork.position) == ("newepoch", position(2, INDEX_MASK))
        again = await anext(pieces)
    assert [(event.epoch, event.message) for event in again] == [("newepoch", 3), ("newepoch", 4)]


async def test_a_server_that_forgets_scripts_is_told_them_again(broker: RedisBroker, url: str) -> None:
    """Nobody who publishes notices."""
    async with client(url) as redis:
        await redis.script_flush()
    assert (await publish(broker, 1, 2, 3)).position >> 10 == 3
    assert len((await broker.tail(HistoryLimits())).events) == 3


async def test_an_error_of_a_script_leaves_the_outcome_open(broker: RedisBroker, url: str) -> None:
    """Whatever it is that nobody has thought of, such as an entry that somebody else has put there."""
    async with client(url) as redis:
        await redis.xadd("sse_signals:{signals}:log", {"x": "1"}, id="9-9")
    with pytest.raises(BrokerUnavailable) as caught:
        await publish(broker, 1)
    assert caught.value.outcome_unknown


async def test_a_log_that_is_no_log_is_unavailable(broker: RedisBroker, url: str) -> None:
    """Whoever reads is told what the server says."""
    pieces = broker.follow(await broker.head())
    following = asyncio.ensure_future(anext(pieces))
    await publish(broker, 1)
    await following
    async with client(url) as redis:
        await redis.set("sse_signals:{signals}:log", "x")
    with pytest.raises(BrokerUnavailable, match="WRONGTYPE"):
        await anext(pieces)
    with pytest.raises(BrokerUnavailable, match="WRONGTYPE"):
        await broker.tail(HistoryLimits())


async def test_control_records_take_a_number(broker: RedisBroker) -> None:
    """Whoever follows is given them."""
    head = await broker.head()
    assert (await broker.control(b'{"x":1}')).position >> 10 == 1
    (record,) = await read(broker, head, 1)
    assert isinstance(record, ControlRecord)
    assert record.control == b'{"x":1}'


async def test_times_do_not_go_back_with_the_clock(broker: RedisBroker, url: str) -> None:
    """A server whose clock was ahead, or another one that takes over, gives no earlier time; nor forgets a key."""
    head, ahead = await broker.head(), 9_000_000_000_000
    async with client(url) as redis:
        await redis.hset("sse_signals:{signals}:meta", "time", ahead)
    key = IdempotencyKey.of("me", "k", signals(1))
    first = await broker.publish(signals(1), key=key)
    await publish(broker, 2)
    assert (await broker.publish(signals(1), key=key)).ids == first.ids
    assert [event.time_ms for event in await read(broker, head, 2)] == [ahead, ahead]


async def test_a_record_that_cannot_be_read_shows_as_a_hole(broker: RedisBroker, url: str) -> None:
    """It is left out, and the ids say so."""
    head = await broker.head()
    async with client(url) as redis:
        await redis.xadd("sse_signals:{signals}:log", {"r": "{}"}, id="1-1")
        await redis.hset("sse_signals:{signals}:meta", "record", 1)
    await publish(broker, 2)
    assert [e.position >> 10 for e in await read(broker, head, 1)] == [2]
    assert [e.position >> 10 for e in (await broker.tail(HistoryLimits())).events] == [2]


async def test_reading_lets_the_loop_go_round(broker: RedisBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long log is not decoded in one go: whoever else there is has turns meanwhile."""
    monkeypatch.setattr("sse_signals.brokers.redis_reading._SLICE", -1.0)
    await publish(broker, *range(200))
    turns, reading = 0, asyncio.ensure_future(broker.tail(HistoryLimits()))
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await reading).events) == 200
    assert turns > 200


def test_a_broker_serves_one_loop_after_another(redis_server: RedisServer) -> None:
    """It is closed in between, and asked without being opened again."""
    broker = made(redis_server.url, name="loops")

    async def use(number: int) -> int:
        async with asyncio.timeout(DEADLINE):
            place = await publish(broker, number)
            await broker.close()
            await broker.close()
        return place.position >> 10

    assert [asyncio.run(use(number)) for number in range(3)] == [1, 2, 3]


async def test_closing_waits_for_what_was_handed_in(url: str) -> None:
    """It is in the log, and its caller is told."""
    broker = made(url, name="closing")
    publishing = [asyncio.ensure_future(broker.publish(signals(number))) for number in range(300)]
    await asyncio.sleep(0)
    await broker.close()
    assert [receipt.ids[0].position >> 10 for receipt in await asyncio.gather(*publishing)] == list(range(1, 301))
