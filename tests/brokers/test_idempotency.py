"""What every broker promises about idempotency keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sse_signals.broker_options import BrokerOptions
from sse_signals.errors import IdempotencyConflict, IdempotencyTableFull
from sse_signals.model import IdempotencyKey, Signal

if TYPE_CHECKING:
    from sse_signals.interfaces import Broker
    from sse_signals.model import Receipt
    from tests.brokers.conftest import Logs

WINDOW_MS = 300_000


async def publish(broker: Broker, key: str, *numbers: int, publisher: str = "me") -> Receipt:
    """Publish under a key."""
    signals = [Signal(b"%d" % number) for number in numbers]
    return await broker.publish(signals, key=IdempotencyKey.of(publisher, key, signals))


async def test_a_repeat_publishes_nothing(broker: Broker) -> None:
    """It gets the ids of the first, however often and however much came between."""
    first = await publish(broker, "k", 1, 2)
    other = await publish(broker, "other", 3)
    head = await broker.head()
    for _ in range(3):
        again = await publish(broker, "k", 1, 2)
        assert (list(again.ids), again.repeated) == (list(first.ids), True)
    assert await broker.head() == head == other.ids[0]
    assert not first.repeated


async def test_a_concurrent_repeat_gets_the_same_ids(broker: Broker) -> None:
    """Of many at the same time exactly one publishes, and all get its ids."""
    receipts = await asyncio.gather(*(publish(broker, "k", 1) for _ in range(20)))
    assert len({receipt.ids[0] for receipt in receipts}) == 1
    assert [receipt.repeated for receipt in receipts].count(False) == 1


async def test_the_same_key_for_something_else_is_a_conflict(broker: Broker) -> None:
    """It publishes nothing, and the first request can still be repeated."""
    first = await publish(broker, "k", 1)
    with pytest.raises(IdempotencyConflict):
        await publish(broker, "k", 2)
    assert await broker.head() == first.ids[0]
    assert (await publish(broker, "k", 1)).repeated


async def test_a_key_belongs_to_its_publisher(broker: Broker) -> None:
    """Nobody else can suppress a signal, learn its id, or cause a conflict with it."""
    first = await publish(broker, "k", 1)
    same = await publish(broker, "k", 1, publisher="other")
    different = await publish(broker, "k", 2, publisher="third")
    assert not same.repeated
    assert not different.repeated
    assert len({first.ids[0], same.ids[0], different.ids[0]}) == 3


async def test_publisher_and_key_are_not_mixed_up(broker: Broker) -> None:
    """Two pairs whose texts run together to the same are two keys."""
    assert not (await publish(broker, "bc", 1, publisher="a")).repeated
    assert not (await publish(broker, "c", 1, publisher="ab")).repeated


async def test_a_key_is_remembered_for_five_minutes(timed_logs: Logs) -> None:
    """Just before it is a repeat, then it publishes anew and is remembered anew."""
    logs, broker = timed_logs, await timed_logs.open()
    first = await publish(broker, "k", 1)
    logs.clock.now_ms += WINDOW_MS - 1
    assert (await publish(broker, "k", 1)).repeated
    logs.clock.now_ms += 1
    second = await publish(broker, "k", 2)
    assert not second.repeated
    assert second.ids[0] != first.ids[0]
    logs.clock.now_ms += WINDOW_MS - 1
    assert (await publish(broker, "k", 2)).repeated


async def test_a_clock_that_jumps_back_forgets_no_key(timed_logs: Logs) -> None:
    """A key lives for its whole time, whatever the clock does."""
    logs, broker = timed_logs, await timed_logs.open()
    await publish(broker, "k", 1)
    logs.clock.now_ms -= WINDOW_MS * 2
    assert (await publish(broker, "k", 1)).repeated


async def test_without_a_key_everything_is_published(broker: Broker) -> None:
    """The same signal twice, without a promise, is two events."""
    one, two = [await broker.publish([Signal(b"1")]) for _ in range(2)]
    assert one.ids[0] != two.ids[0]


async def test_the_table_is_bounded(timed_logs: Logs) -> None:
    """A full table refuses new keys, says for how long, and keeps serving repeats and requests without a key."""
    logs, broker = timed_logs, await timed_logs.open(idempotency_keys=3)
    for number in range(3):
        await publish(broker, f"k{number}", number)
        logs.clock.now_ms += 1000
    head = await broker.head()
    with pytest.raises(IdempotencyTableFull) as caught:
        await publish(broker, "k3", 3)
    assert caught.value.retry_after == WINDOW_MS / 1000 - 3
    assert await broker.head() == head
    assert (await publish(broker, "k1", 1)).repeated
    await broker.publish([Signal(b"4")])
    logs.clock.now_ms += round(caught.value.retry_after * 1000)
    assert not (await publish(broker, "k3", 3)).repeated


def test_the_table_holds_a_hundred_thousand_keys() -> None:
    """The bound is far above what honest publishers use in five minutes."""
    assert BrokerOptions().idempotency_keys == 100_000
