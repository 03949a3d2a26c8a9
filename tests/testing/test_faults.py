"""The hub misbehaves exactly as asked, and is well again after it."""

from __future__ import annotations

import asyncio
import json
import time

import httpx
import pytest

from sse_signals import BrokerUnavailable, HistoryLimits
from sse_signals.testing import SignalsHub, hub
from tests.testing.listener import listening


def test_a_cut_ends_every_stream_without_a_word(signals_hub: SignalsHub) -> None:
    """No goodbye, no end of the body; whoever comes back is served, and resumes."""
    with listening(signals_hub.url) as one, listening(signals_hub.url, "?topic=a") as two:
        signals_hub.publish(1, topic="a")
        last = one.block()["id"]
        two.block()
        signals_hub.cut()
        assert signals_hub.streams == 0
        for listener in (one, two):
            with pytest.raises(httpx.RemoteProtocolError):
                listener.block()
    signals_hub.publish(2, topic="a")
    with listening(signals_hub.url, Last_Event_ID=last) as again:
        assert json.loads(again.block()["data"])["message"] == 2


def test_a_cut_may_refuse_new_streams(signals_hub: SignalsHub) -> None:
    """For a time, or for a block; publishing goes on."""
    with signals_hub.cut():
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"), listening(signals_hub.url):
            pass
        assert httpx.post(f"{signals_hub.url}/publish", json={"message": 1}).status_code == 202
    with listening(signals_hub.url):
        pass
    since = time.monotonic()
    signals_hub.cut(refuse=1.0)
    assert signals_hub._running.refusing
    while time.monotonic() - since < 30:
        try:
            with listening(signals_hub.url):
                break
        except httpx.RemoteProtocolError:
            time.sleep(0.01)
    assert 1.0 <= time.monotonic() - since < 20


def test_who_came_back_before_the_block_is_cut_as_well(signals_hub: SignalsHub) -> None:
    """Between the cut and the block there is no gap to slip through."""
    cut = signals_hub.cut()
    with listening(signals_hub.url) as fast, cut, pytest.raises(httpx.RemoteProtocolError):
        fast.block()


def test_a_stall_keeps_streams_open_and_everything_back() -> None:
    """Nothing comes, not even heartbeats, and all of it after the end; new streams get no answer."""
    with hub(heartbeat=1.0) as stalling, listening(stalling.url, "?topic=a") as listener:
        with stalling.stall():
            for number in range(3000):  # more than a connection's buffer takes, so that the hub has to wait, too
                stalling.publish({"number": number, "text": 100 * "x"}, topic="a")
            with pytest.raises(httpx.ReadTimeout), listening(stalling.url, timeout=1.2):
                pass
            stalling.wait_for_streams(1, within=30)  # the one that got no answer has gone, the other has stayed
        numbers: list[int] = []
        while len(numbers) < 3000:
            block = listener.block()
            if "event" not in block:
                numbers.append(json.loads(block["data"])["message"]["number"])
        assert numbers == list(range(3000))


def test_stalls_may_overlap(signals_hub: SignalsHub) -> None:
    """Everything goes on with the end of the last one."""
    with listening(signals_hub.url, timeout=1.5) as listener:
        first, second = signals_hub.stall(), signals_hub.stall()
        with first:
            with second:
                signals_hub.publish(1)
            with pytest.raises(httpx.ReadTimeout):
                listener.block()
    with listening(signals_hub.url, "?since=all") as listener:
        assert json.loads(listener.block()["data"])["message"] == 1


def test_a_stalled_stream_may_be_cut(signals_hub: SignalsHub) -> None:
    """What it has not got is lost; what is neither open nor new stays untouched by the end of the stall."""
    with listening(signals_hub.url) as listener, signals_hub.stall():
        signals_hub.publish(1)
        signals_hub.cut()
        assert signals_hub.streams == 0
        with pytest.raises(httpx.RemoteProtocolError):
            listener.block()


def test_a_fault_that_outlives_its_hub_is_no_error() -> None:
    """However a test is left, it does not hide why."""
    with hub() as one, hub() as two, hub() as three, one.stall(), two.cut(), three.unavailable():
        for each in (one, two, three):
            each._running.end()


def test_a_gap_is_told_to_who_listens_and_to_who_resumes(signals_hub: SignalsHub) -> None:
    """It is honest: what was before is gone, also for idempotency keys, and what comes after is not."""
    key = {"Idempotency-Key": "one"}
    first = httpx.post(f"{signals_hub.url}/publish", json={"message": 1}, headers=key).json()["id"]
    with listening(signals_hub.url) as listener:
        signals_hub.gap()
        gap = listener.block()
        assert gap["event"] == "signals.gap"
        assert json.loads(gap["data"]) == {"reason": "epoch", "from": first, "to": gap["id"]}
        second = httpx.post(f"{signals_hub.url}/publish", json={"message": 1}, headers=key).json()["id"]
        assert listener.block()["id"] == second != first
    with listening(signals_hub.url, Last_Event_ID=first) as late:
        assert json.loads(late.block()["data"])["reason"] == "epoch"
        assert late.block()["id"] == second
    assert [event.id for event in signals_hub.published] == [first, second]


def test_a_short_history_trims() -> None:
    """The other kind of gap needs no fault."""
    with hub(history=HistoryLimits(count=2)) as short:
        ids = [short.publish(number) for number in range(4)]
        with listening(short.url, Last_Event_ID=ids[0]) as late:
            assert json.loads(late.block()["data"])["reason"] == "trimmed"


def test_unavailable_is_503_and_not_ready(signals_hub: SignalsHub) -> None:
    """Streams stay open, resuming goes on; afterwards all is as before, with all that was published before."""
    first = signals_hub.publish(1, topic="a")
    with listening(signals_hub.url) as listener:
        with signals_hub.unavailable(retry_after=7):
            answer = httpx.post(f"{signals_hub.url}/publish", json={"message": 2})
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "7")
            assert httpx.get(f"{signals_hub.url}/health/ready").status_code == 503
            with pytest.raises(BrokerUnavailable, match="as the test wants it"):
                signals_hub.publish(3)
            with pytest.raises(RuntimeError, match="already"), signals_hub.unavailable():
                pass
            with listening(signals_hub.url, Last_Event_ID="00000000-9") as foreign:  # asks the log for its head
                assert json.loads(foreign.block()["data"])["reason"] == "epoch"
        assert httpx.get(f"{signals_hub.url}/health/ready").status_code == 200
        fourth = signals_hub.publish(4)
        assert listener.block()["id"] == fourth
        with listening(signals_hub.url, Last_Event_ID=first) as late:
            assert late.block()["id"] == fourth
    assert [event.message for event in signals_hub.published] == [1, 4]


def test_a_log_may_be_lost_while_it_is_away(signals_hub: SignalsHub) -> None:
    """As when its server is replaced by an empty one: the gap is told when it is back, before the block has ended."""
    first = signals_hub.publish(1)
    with listening(signals_hub.url, "?topic=a") as listener:
        with signals_hub.unavailable():
            since = time.monotonic()
            signals_hub.gap()
            assert time.monotonic() - since < 5
        with listening(signals_hub.url, Last_Event_ID=first) as late:
            assert json.loads(late.block()["data"])["reason"] == "epoch"
        assert listener.block()["event"] == "signals.gap"


def test_a_fault_begins_with_its_call(signals_hub: SignalsHub) -> None:
    """Written as a statement it acts as well, until it is told to end: it is never a test that meets no fault."""
    away = signals_hub.unavailable()
    assert publish(signals_hub) == 503
    away.end()
    away.end()
    assert publish(signals_hub) == 202
    with listening(signals_hub.url, timeout=1.5) as listener:
        stall = signals_hub.stall()
        signals_hub.publish(1)
        with pytest.raises(httpx.ReadTimeout):
            listener.block()
    stall.end()
    with listening(signals_hub.url):
        pass
    for over in (away, stall):
        with pytest.raises(RuntimeError, match="has ended already"), over:
            pass


def test_a_block_refuses_as_long_as_itself(signals_hub: SignalsHub) -> None:
    """Whatever time was given besides, and a cut may be used again; it tells how much it cut."""
    with listening(signals_hub.url):
        signals_hub.wait_for_streams(1)
        cut = signals_hub.cut(refuse=60)
    assert cut.streams == 1
    assert signals_hub.cut().streams == 0
    for _ in range(2):
        with cut, pytest.raises(httpx.RemoteProtocolError), listening(signals_hub.url):
            pass
        with listening(signals_hub.url):
            pass
    with signals_hub.cut(refuse=0.01):
        signals_hub._running.call(lambda: asyncio.sleep(0.05))  # whose turn comes after that of the time given
        with pytest.raises(httpx.RemoteProtocolError), listening(signals_hub.url):
            pass
    ended = signals_hub.cut(refuse=60)
    ended.end()
    with listening(signals_hub.url):
        pass


def test_to_forget_ends_every_fault(signals_hub: SignalsHub) -> None:
    """The next test of the same hub begins with a good one, and with no idempotency keys."""
    assert publish(signals_hub, key="one") == 202
    signals_hub.cut(refuse=60)
    signals_hub.stall()
    with signals_hub.cut(), signals_hub.unavailable():
        signals_hub.gap()
        signals_hub.forget()
        assert not signals_hub.published
        assert publish(signals_hub, key="one") == 202
        with listening(signals_hub.url, "?since=all", timeout=5) as listener:
            assert json.loads(listener.block()["data"])["message"] == 1
    assert publish(signals_hub, key="one") == 202  # again: the key is known
    assert len(signals_hub.published) == 1
    signals_hub.forget()
    assert publish(signals_hub, key="one") == 202
    assert len(signals_hub.published) == 1
    assert not signals_hub._running.faults
    assert not signals_hub._running.refusing


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan"), 86_401])
def test_a_fault_has_a_time_that_ends(signals_hub: SignalsHub, seconds: float) -> None:
    """What would never come, or never end, is refused; nothing has begun by then."""
    with pytest.raises(ValueError, match="refuse is from 0 to 86400 seconds"):
        signals_hub.cut(refuse=seconds)
    with pytest.raises(ValueError, match="retry_after is from 0"):
        signals_hub.unavailable(retry_after=seconds)
    with pytest.raises(ValueError, match="retry is from 0"), hub(retry=seconds):
        pass
    assert publish(signals_hub) == 202


def publish(hub_: SignalsHub, *, key: str | None = None) -> int:
    """Publish as the code under test would, and return the status."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return httpx.post(f"{hub_.url}/publish", json={"topic": "a", "message": 1}, headers=headers).status_code
