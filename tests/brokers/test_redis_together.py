"""Many records that go to the Redis server at once: each fares as if it were alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Connection

from sse_signals.brokers.redis_packing import PlainConnection
from sse_signals.brokers.redis_watch import Watch
from sse_signals.errors import BrokerUnavailable, IdempotencyConflict, IdempotencyTableFull
from sse_signals.model import IdempotencyKey, Receipt, Signal
from tests.brokers.redis_nodes import AFTER_ALL, client, node, publish, read, signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.brokers.redis import RedisBroker
    from tests.brokers.servers import RedisServer

Request = tuple[int, str, int]  # what is published, its key if there is one, and how many signals
REQUESTS: tuple[Request, ...] = (
    *[(1, "", 1), (2, "a", 2), (2, "a", 2), (3, "a", 1), (4, "", 3), (5, "b", 1), (6, "c", 1), (2, "a", 2)],
    *[(7, "d", 1), (8, "", 1), (5, "b", 1), (9, "b", 1), (6, "c", 1), (7, "d", 1), (10, "", 1)],
)


@pytest.fixture
async def url(redis_server: RedisServer) -> str:
    """An empty database."""
    url = f"{redis_server.url}/15"
    async with client(url) as redis:
        await redis.flushdb()
    return url


async def ask(broker: RedisBroker, request: Request) -> Any:
    """Publish, and return what became of it."""
    number, key, count = request
    sent = signals(*[number] * count)
    try:
        receipt = await broker.publish(sent, key=IdempotencyKey.of("me", key, sent) if key else None)
    except (IdempotencyConflict, IdempotencyTableFull) as error:
        return type(error)
    return ([place.position for place in receipt.ids], receipt.repeated)


async def held(broker: RedisBroker, count: int) -> list[tuple[int, Any]]:
    """Return places and messages of the whole log."""
    return [(event.position, event.message) for event in await read(broker, AFTER_ALL, count)]


async def scripts_run(url: str, broker: RedisBroker, sent: Sequence[Sequence[Signal]]) -> tuple[int, list[Receipt]]:
    """Publish all at once; return how many scripts that took, and the receipts."""
    async with client(url) as redis:
        before = (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"]
        receipts = await asyncio.gather(*(broker.publish(each) for each in sent))
        return (await redis.info("commandstats"))["cmdstat_evalsha"]["calls"] - before, receipts


async def test_each_record_fares_as_if_it_were_alone(url: str) -> None:
    """Repeats, conflicts and a full table among them: the same answers and the same log as one after the other."""
    async with node(url, name="alone", idempotency_keys=3) as broker:
        alone = [await ask(broker, request) for request in REQUESTS]
        log = await held(broker, 10)
    async with node(url, name="together", idempotency_keys=3) as broker:
        together = await asyncio.gather(*(ask(broker, request) for request in REQUESTS))
        assert await held(broker, 10) == log
    assert together == alone
    assert alone.count(IdempotencyConflict) == 2
    assert alone.count(IdempotencyTableFull) == 2
    assert [said[1] for said in alone if isinstance(said, tuple)].count(True) == 4


async def test_many_records_go_in_few_scripts(url: str) -> None:
    """64 in one, in the order in which they were handed in."""
    async with node(url) as broker:
        await broker.head()
        count, receipts = await scripts_run(url, broker, [signals(number) for number in range(130)])
        assert [receipt.ids[0].position >> 10 for receipt in receipts] == list(range(1, 131))
        assert [message for _, message in await held(broker, 130)] == list(range(130))
    assert count == 3


async def test_large_records_do_not_go_together(url: str) -> None:
    """A script that takes long would keep everybody else waiting."""
    large = [[Signal(b'"%b"' % (b"x" * 600_000))] for _ in range(6)]
    async with node(url) as broker:
        await broker.head()
        assert (await scripts_run(url, broker, large))[0] == 3


async def test_other_commands_keep_their_place_among_records(url: str) -> None:
    """What is asked after a record knows of it, and not of the next."""
    async with node(url) as broker:
        await broker.head()
        publishing = [asyncio.ensure_future(broker.publish(signals(1)))]
        early = asyncio.ensure_future(broker.head())
        publishing += [asyncio.ensure_future(broker.publish(signals(number))) for number in (2, 3)]
        late = asyncio.ensure_future(broker.head())
        one, two, three = [receipt.ids[0] for receipt in await asyncio.gather(*publishing)]
        assert (await early, await late) == (one, three)
    assert [place.position >> 10 for place in (one, two, three)] == [1, 2, 3]


async def test_a_refusal_concerns_none_that_is_in(url: str) -> None:
    """Those before are acknowledged, those after known not to be there, and numbers go on after what is there."""
    key = IdempotencyKey.of("me", "k", signals(3))
    async with node(url) as broker:
        await broker.head()
        async with client(url) as redis:
            await redis.set("sse_signals:{signals}:keys", "no table")
        one, two, refused, after = await asyncio.gather(
            *(broker.publish(signals(number), key=key if number == 3 else None) for number in (1, 2, 3, 4)),
            return_exceptions=True,
        )
        assert isinstance(one, Receipt)
        assert isinstance(two, Receipt)
        assert isinstance(refused, BrokerUnavailable)
        assert isinstance(after, BrokerUnavailable)
        assert (refused.outcome_unknown, after.outcome_unknown) == (True, False)
        assert (await publish(broker, 5)).position >> 10 == 3
        assert await held(broker, 3) == [(1 << 10, 1), (2 << 10, 2), (3 << 10, 5)]
    assert [place.position >> 10 for receipt in (one, two) for place in receipt.ids] == [1, 2]


@pytest.mark.parametrize(
    ("command", "packed"),
    [
        (("PING",), b"*1\r\n$4\r\nPING\r\n"),
        (("SET", b"\r\n\0\xff", 17, ""), b"*4\r\n$3\r\nSET\r\n$4\r\n\r\n\0\xff\r\n$2\r\n17\r\n$0\r\n\r\n"),
        (("\N{SNOWMAN}", b""), b"*2\r\n$3\r\n\xe2\x98\x83\r\n$0\r\n\r\n"),
    ],
)
def test_commands_are_packed_as_the_protocol_says(command: tuple[Any, ...], packed: bytes) -> None:
    """Lengths are of bytes, and nothing that stands in a word ends it; redis-py says the same."""
    assert b"".join(PlainConnection().pack_commands([command, command])) == packed * 2
    assert b"".join(Connection().pack_commands([command])) == packed


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time stands still unless it is told to go on."""

    now = 0.0

    def time(self) -> float:
        return self.now


@pytest.mark.parametrize(("cancelled", "wanted"), [(False, True), (True, False)])
def test_a_wait_that_lasts_too_long_is_interrupted(*, cancelled: bool, wanted: bool) -> None:
    """At its own time, not at that of an earlier one; and who else ends the task is not mistaken for that."""
    loop = Clock()
    said: list[bool] = []

    def go_on(now: float) -> None:
        loop.now = now
        if now < 3.0:
            loop.call_soon(go_on, now + 0.5)

    async def wait() -> None:
        task = asyncio.current_task()
        assert task is not None
        watch = Watch(task, loop)
        watch.begin(1.0)
        watch.end()
        loop.now = 1.0
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        watch.begin(2.0)
        watch.begin(3.0)
        loop.call_soon(go_on, 2.0)
        if cancelled:
            loop.call_at(3.0, task.cancel)
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            said.append(watch.interrupted())
        watch.close()

    try:
        loop.run_until_complete(wait())
    finally:
        loop.close()
    assert said == [wanted]
