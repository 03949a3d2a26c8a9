"""What was published is seen at once, each signal answers one `expect`, and a miss says what came instead."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sse_signals import InvalidInput
from sse_signals.testing import hub

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.testing import SignalsHub


def publish(hub: SignalsHub, message: Any, topic: str | None = "orders/1", **fields: Any) -> str:
    """Publish as the code under test would: over HTTP."""
    signal = {"message": message, **fields} | ({} if topic is None else {"topic": topic})
    answer = httpx.post(f"{hub.url}/publish", json=signal)
    assert answer.status_code == 202, answer.text
    event_id: str = answer.json()["id"]
    return event_id


def later(hub: SignalsHub, message: Any, topic: str) -> threading.Thread:
    """Publish from another thread, as soon as somebody waits for it."""

    def wait_and_publish() -> None:
        since = time.monotonic()
        while not hub._ledger._bells and time.monotonic() - since < 30:
            time.sleep(0.001)
        publish(hub, message, topic)

    thread = threading.Thread(target=wait_and_publish)
    thread.start()
    return thread


def test_whatever_was_answered_is_among_the_published(signals_hub: SignalsHub) -> None:
    """Everything about a signal can be seen, as soon as its publisher has its answer."""
    before = datetime.now(UTC) - timedelta(milliseconds=2)
    first = publish(signals_hub, {"a": [1]}, targetOwnershipEntityRefs=["group:default/sales"], event="paid")
    second = publish(signals_hub, None, None)
    one, two = signals_hub.published
    assert (one.id, one.address, one.message, one.event) == (first, "orders/1", {"a": [1]}, "paid")
    assert one.targets == frozenset({"group:default/sales"})
    assert before < one.time < datetime.now(UTC) + timedelta(milliseconds=2)
    assert (two.id, two.address, two.message, two.targets, two.event) == (second, None, None, None, "message")


def test_a_batch_is_several_and_a_repeat_is_none(signals_hub: SignalsHub) -> None:
    """Each signal of a batch counts, and an idempotent repeat does not."""
    batch = [{"topic": "a", "message": 1}, {"topic": "b", "message": 2}]
    for _ in range(2):
        answer = httpx.post(f"{signals_hub.url}/publish", json=batch, headers={"Idempotency-Key": "one"})
        assert answer.status_code == 202
    assert [(event.address, event.message) for event in signals_hub.published] == [("a", 1), ("b", 2)]


def test_published_to_a_topic_or_to_all_that_begin_alike(signals_hub: SignalsHub) -> None:
    """A topic filter finds what a stream would get by it, but for broadcasts, which are found with None."""
    for topic in ("orders/1", "orders/2", "order", None):
        publish(signals_hub, topic, topic)

    def found(topic: str | None) -> list[Any]:
        return [event.message for event in signals_hub.published_to(topic)]

    assert found("orders/1") == ["orders/1"]
    assert found("orders/*") == ["orders/1", "orders/2"]
    assert found("*") == ["orders/1", "orders/2", "order"]
    assert found(None) == [None]
    with pytest.raises(InvalidInput, match="topic"):
        signals_hub.published_to("a*b")


def test_each_signal_answers_one_expect(signals_hub: SignalsHub) -> None:
    """The oldest comes first, before the call or not, and two expectations take two signals."""
    publish(signals_hub, 1)
    publish(signals_hub, 2)
    thread = later(signals_hub, 3, "orders/1")
    assert [signals_hub.expect("orders/*").message for _ in range(3)] == [1, 2, 3]
    thread.join()
    with pytest.raises(AssertionError, match="has answered an earlier expect"):
        signals_hub.expect("orders/1", within=0)


def test_one_is_passed_over_and_expected_later(signals_hub: SignalsHub) -> None:
    """What an expectation does not mean waits for one that does."""
    for message in (None, {"n": 1}, {"n": 2}):
        publish(signals_hub, message)
    assert signals_hub.expect("orders/1", message={"n": 2}, within=0).message == {"n": 2}
    assert signals_hub.expect("orders/1", where=lambda event: event.message is not None, within=0).message == {"n": 1}
    with pytest.raises(AssertionError, match="with the message false"):
        signals_hub.expect("orders/1", message=False, within=0)
    assert signals_hub.expect("orders/1", message=None, within=0).message is None
    publish(signals_hub, 0)
    with pytest.raises(AssertionError, match="with the message null"):
        signals_hub.expect("orders/1", message=None, within=0)


def test_what_where_raises_is_raised(signals_hub: SignalsHub) -> None:
    """A mistake in a condition is no reason to wait."""
    publish(signals_hub, "text")
    with pytest.raises(TypeError):
        signals_hub.expect("orders/1", where=lambda event: event.message["key"])


def test_a_broadcast_is_expected_as_one(signals_hub: SignalsHub) -> None:
    """What was meant for one topic and went to everybody must not pass."""
    publish(signals_hub, "all", None)
    with pytest.raises(AssertionError, match='a broadcast: "all"'):
        signals_hub.expect("orders/1", within=0)
    assert signals_hub.expect(None, within=0).message == "all"
    signals_hub.expect_nothing("*", for_=0)


def test_a_broadcast_is_something_for_every_topic(signals_hub: SignalsHub) -> None:
    """Who listens to the topic gets it, so it is not nothing, unless the test has expected it."""
    publish(signals_hub, "all", None)
    for topic in ("orders/1", "*", None):
        with pytest.raises(AssertionError, match='a broadcast: "all"'):
            signals_hub.expect_nothing(topic, for_=0)
    signals_hub.expect_nothing("orders/1", message="other", for_=0)
    signals_hub.expect(None, within=0)
    publish(signals_hub, 1, "orders/1")
    signals_hub.expect_nothing(None, for_=0)


def test_what_the_test_published_answers_no_expect() -> None:
    """It knows that itself; it is seen among the published all the same."""
    with hub(authentication=True) as guarded:
        event_id = guarded.publish(
            {"n": 1}, topic="orders/1", target_ownership_entity_refs=["user:default/a"], event="e"
        )
        (event,) = guarded.published
        assert (event.id, event.targets, event.event) == (event_id, frozenset({"user:default/a"}), "e")
        with pytest.raises(AssertionError, match="by this test itself"):
            guarded.expect("orders/1", within=0)
        guarded.expect_nothing("orders/1", for_=0)


def test_a_miss_says_what_came_instead_the_nearest_first(signals_hub: SignalsHub) -> None:
    """The same topic with another message comes before topics that are written alike, and those before others."""
    for topic in ("users/7", "order/1", "orders/1"):
        publish(signals_hub, {"topic": topic}, topic)
    with pytest.raises(AssertionError) as caught:
        signals_hub.expect("orders/1", message={"paid": True}, within=0.01)
    assert str(caught.value).splitlines() == [
        "nothing like it was published within 0.01 s: topic 'orders/1' with the message {\"paid\":true}",
        "What was published instead, nearest first:",
        '  topic \'orders/1\': {"topic":"orders/1"}',
        '  topic \'order/1\': {"topic":"order/1"}',
        '  topic \'users/7\': {"topic":"users/7"}',
    ]


def test_a_miss_takes_as_long_as_was_said(signals_hub: SignalsHub) -> None:
    """Neither less, so that slow code passes, nor longer."""
    since = time.monotonic()
    with pytest.raises(AssertionError, match="Nothing at all was published"):
        signals_hub.expect("orders/1", within=0.1)
    assert 0.1 <= time.monotonic() - since < 10


def test_nothing_is_expected(signals_hub: SignalsHub) -> None:
    """It fails at once when there is something, whether it was there or comes meanwhile."""
    publish(signals_hub, "expected", "orders/1")
    signals_hub.expect("orders/1", within=0)
    signals_hub.expect_nothing("orders/*", for_=0.01)
    publish(signals_hub, "there", "users/1")
    signals_hub.expect_nothing("users/1", message="else", where=lambda event: event.id == "", for_=0)
    with pytest.raises(AssertionError, match="topic 'users/1': \"there\""):
        signals_hub.expect_nothing("users/*", for_=0)
    thread = later(signals_hub, "late", "orders/1")
    since = time.monotonic()
    with pytest.raises(AssertionError, match='"late"'):
        signals_hub.expect_nothing("orders/*", for_=60)
    assert time.monotonic() - since < 10
    thread.join()


def test_it_begins_anew(signals_hub: SignalsHub) -> None:
    """A hub of several tests forgets what the one before has published."""
    publish(signals_hub, 1)
    signals_hub.forget()
    assert not signals_hub.published
    signals_hub.expect_nothing("*", for_=0)


async def test_in_a_loop_one_waits_by_awaiting(signals_hub: SignalsHub, http: aiohttp.ClientSession) -> None:
    """The same in an asynchronous test, where the waiting forms say at once that they would stop the loop."""
    for call in (
        lambda: signals_hub.expect("a"),
        lambda: signals_hub.expect_nothing("a", for_=1),
        lambda: signals_hub.wait_for_streams(1),
    ):
        with pytest.raises(RuntimeError, match=r"await hub\.\w+_async\("):
            call()
    with pytest.raises(AssertionError, match="Nothing at all"):
        await signals_hub.expect_async("a", within=0.01)
    async with http.post(f"{signals_hub.url}/publish", json={"topic": "a", "message": 1}) as answer:
        assert answer.status == 202
    with pytest.raises(AssertionError, match="should have been published"):
        await signals_hub.expect_nothing_async("a", for_=60)
    assert (await signals_hub.expect_async("a", message=1, within=0)).message == 1
    await signals_hub.expect_nothing_async("a", for_=0.01)
    signals_hub.publish(2, topic="a")  # takes a moment of the hub's loop, and none of this one's rules

    async def publish_later() -> None:
        await asyncio.sleep(0)  # once the test waits
        for topic in ("c", "d", "b"):  # what it does not wait for must not keep the loop busy
            async with http.post(f"{signals_hub.url}/publish", json={"topic": topic, "message": 3}) as answer:
                assert answer.status == 202

    publishing = asyncio.create_task(publish_later())
    assert (await signals_hub.expect_async("b")).message == 3
    await publishing
