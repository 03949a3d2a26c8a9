"""What the log says of streams: of each that has ended, and of those that were refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from sse_signals.web.publish_log import MOST_TEXT
from tests.test_logs_events import ID, named
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from sse_signals.server import Running


async def test_a_stream_that_ends_is_told_with_all_that_is_known(hub: Running) -> None:
    """Who it was, what it asked for, how it began, what it got and why it ended; one event with everything."""
    topics = "&".join(f"topic=t{number}" for number in range(10))
    agent = f"User-Agent: {'Mozilla ' * 100}"
    with capture_logs() as logs:
        await ask(hub.url, request("POST", "/signals/publish?topic=t0", body=b"x"))
        answer = await ask(
            hub.url, request("GET", f"/signals/stream?poll=1&{topics}", ID, agent, "Last-Event-ID: abcdefgh-5")
        )
    assert answer.status == 200
    closed = named(logs, "stream closed")
    assert closed.pop("seconds") >= 0
    assert closed.pop("bytes") > 100
    assert len(closed.pop("user_agent")) == MOST_TEXT
    assert len(closed.pop("topics")) == 8
    assert closed == {
        "event": "stream closed",
        "log_level": "info",
        "stream": named(logs, "stream opened")["stream"],
        "request_id": "r-1",
        "reason": "complete",
        "subject": None,
        "remote": "127.0.0.1",
        "more_topics": 2,
        "format": "text/event-stream",
        "start": "after",
        "recovered": False,
        "gaps": 1,
        "times_behind": 0,
        "events": 1,
        "node": hub.service.site.nodes.own,
    }


async def test_streams_that_are_refused_are_told_once_a_second_by_reason(hub: Running) -> None:
    """While a hub drains, a client that comes again and again writes a line a second, with the number of times."""
    site = hub.service.site
    with capture_logs() as logs:
        site.departure.begun.set()
        for _ in range(5):
            await ask(hub.url, request("GET", "/signals/stream?topic=a"))
    told = [entry for entry in logs if entry["event"] == "stream refused"]
    assert [(entry["reason"], entry["requests"]) for entry in told] == [("shutdown", 1)]


async def test_no_user_agent_forges_a_line(hub: Running) -> None:
    """35: what cannot be seen is shown as escapes (the parser refuses ESC itself); no agent is None."""
    with capture_logs() as logs:
        for headers in (["User-Agent: a\x9b2J\u202eb"], []):
            answer = await ask(hub.url, request("GET", "/signals/stream?poll=1", *headers))
            assert answer.status == 200
    strange, none = [entry["user_agent"] for entry in logs if entry["event"] == "stream closed"]
    assert strange.isprintable()
    assert strange == "a\\x9b2J\\u202eb"
    assert none is None
