"""Where a remote subscription starts, and whether it ends; and what the log of a client says of its connections."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from yarl import URL

from sse_signals.client.publishing import Failed
from sse_signals.client.received import RemoteEvent
from sse_signals.client.remote_hub import RemoteHub
from sse_signals.client.requests import HubUrl, Start
from sse_signals.client.subscribing import Course
from sse_signals.client.sync_hub import SyncHub
from sse_signals.errors import BrokerUnavailable, UnexpectedAnswer
from sse_signals.model import Signal
from sse_signals.topics import EVERYTHING, Filters
from tests.client.test_reading import frame, place, receipt
from tests.client.test_subscribing import HEARTBEAT

if TYPE_CHECKING:
    from sse_signals.server import Running

POLL = Start(poll=True)
SIGNALS = [Signal(json.dumps(number).encode(), "a") for number in range(3)]


@pytest.mark.parametrize(
    ("start", "last_event_id", "asked"),
    [
        (Start(), None, {}),
        (Start("-20"), None, {"since": "-20"}),
        (Start("2026-01-31T12:00:00+01:00"), None, {"since": "2026-01-31T12:00:00+01:00"}),
        (Start("all"), "e-1", {}),
        (POLL, None, {"poll": "1"}),
        (Start("all", poll=True), "e-1", {"poll": "1"}),
    ],
)
def test_a_start_is_asked_for_until_there_is_a_place(
    start: Start, last_event_id: str | None, asked: dict[str, str]
) -> None:
    """An id outranks it, so that going on is exact; a poll is one each time."""
    request = HubUrl.parse("http://h").stream(EVERYTHING, last_event_id, None, start)
    assert dict(URL(request.url, encoded=True).query) == asked
    assert request.headers.get("Last-Event-ID") == last_event_id


def course(start: Start, data: bytes) -> Course:
    """Return a subscription whose first response has come to its proper end."""
    made = Course(HubUrl.parse("http://h"), EVERYTHING, None, fraction=lambda: 1.0, start=start)
    made.begin()
    made.feed(data)
    made.ended()
    return made


@pytest.mark.parametrize(
    ("start", "data", "finished"),
    [
        (POLL, receipt(place(4)) + frame(5) + HEARTBEAT, True),
        (POLL, receipt(place(4)) + HEARTBEAT, True),
        (POLL, receipt(place(4)) + frame(5), False),
        (POLL, receipt(place(4)) + HEARTBEAT + frame(10), False),
        (POLL, receipt(place(4)), False),
        (POLL, b"", False),
        (Start(), receipt(place(4)) + HEARTBEAT, False),
    ],
)
def test_a_poll_is_over_with_its_last_heartbeat(start: Start, data: bytes, *, finished: bool) -> None:
    """What ends before was cut short by something between, however properly that was done."""
    assert course(start, data).finished is finished


async def test_a_poll_of_a_hub(hub: Running) -> None:
    """The iteration gives everything up to now, and ends; so does one that has nothing to give."""
    remote = RemoteHub(hub.url)
    await remote.publish(SIGNALS)
    for filters, start, expected in (
        (EVERYTHING, POLL, [0, 1, 2]),
        (EVERYTHING, Start("-2", poll=True), [1, 2]),
        (Filters.parse(["b"]), POLL, []),
    ):
        async with remote.subscribe(filters, gaps="yield", start=start) as stream:
            assert [item.message async for item in stream if isinstance(item, RemoteEvent)] == expected
            assert [item async for item in stream] == []
    await remote.close()


async def test_a_start_in_the_past(hub: Running) -> None:
    """Then it goes on, and its log says that it is open."""
    logger = mock.Mock()
    remote = RemoteHub(hub.url, logger=logger)
    await remote.publish(SIGNALS)
    async with remote.subscribe(EVERYTHING, start=Start("-1")) as stream:
        assert isinstance(first := await anext(stream), RemoteEvent)
        await remote.publish(SIGNALS[:1])
        assert isinstance(second := await anext(stream), RemoteEvent)
    assert (first.message, second.message) == (2, 0)
    logger.debug.assert_called_once_with("stream opened", stream=mock.ANY)
    await remote.close()


ONE_RETRY = [mock.call("publish not answered", reason="http://127.0.0.1:1/signals cannot be reached: x", seconds=0.0)]


async def test_the_log_says_why_a_publish_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the next try, in both kinds of client."""
    answers = [Failed("x", sent=False), Failed("x", sent=False, final=True)] * 2
    monkeypatch.setattr("sse_signals.client.publishing.backoff", lambda *_, **__: 0.0)

    async def ask(*_: Any) -> Failed:
        return answers.pop()

    monkeypatch.setattr("sse_signals.client.http.Link.ask", ask)
    monkeypatch.setattr("sse_signals.client.sync_http.Link.ask", lambda *_: answers.pop())
    logger = mock.Mock()
    answers.reverse()
    remote = RemoteHub("http://127.0.0.1:1", logger=logger)
    with pytest.raises(BrokerUnavailable):
        await remote.publish(SIGNALS)
    await remote.close()
    assert logger.info.mock_calls == ONE_RETRY
    logger.reset_mock()
    sync = SyncHub("http://127.0.0.1:1", token=None, timeout=30.0, logger=logger)
    with pytest.raises(BrokerUnavailable):
        sync.publish(SIGNALS)
    sync.close()
    assert logger.info.mock_calls == ONE_RETRY


@pytest.mark.parametrize(
    "data",
    [
        "1",
        "[]",
        "{}",
        '{"time":1,"message":1}',
        '{"time":"2026-01-31T12:00:00Z"}',
        '{"time":"2026-01-31T12:00:00Z","message":1,"topic":1}',
    ],
)
def test_an_event_of_something_else_is_refused(data: str) -> None:
    """Whoever takes an event can rely on what its members are."""
    with pytest.raises(UnexpectedAnswer, match="no signal"):
        RemoteEvent.parse("e-1", "message", data)
