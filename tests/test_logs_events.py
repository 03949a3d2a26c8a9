"""What the log says of a publish: one wide event."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.errors import BrokerUnavailable
from sse_signals.model import EventId, Receipt, Signal
from sse_signals.web import publish_log
from sse_signals.web.paced import EVERY_MS
from sse_signals.web.problems import Problem
from sse_signals.web.publish_log import MOST_TEXT, Course, PublishLog
from tests.authenticated import PUBLISHER, A, B, house
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

ID = "X-Request-Id: r-1"
JSON = "Content-Type: application/json"
FORGERY = '\x1b[31m"x\x9b'


class Ears:
    """A logger that keeps what it is told, and a clock that a test moves."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.now_ms = 0
        self.logger = structlog.wrap_logger(None, processors=[self._keep])

    def __call__(self) -> int:
        return self.now_ms

    def _keep(self, _logger: Any, method: str, entry: Any) -> Any:
        self.lines.append({**entry, "level": method})
        raise structlog.DropEvent


def named(logs: Any, event: str) -> Any:
    """Return the one line with an event."""
    (line,) = [entry for entry in logs if entry["event"] == event]
    return line


def asked(text: str = "r-1") -> Any:
    """Return what stands for a request with an id."""

    class Asked(dict[Any, Any]):
        headers = {"X-Request-Id": text}  # noqa: RUF012

    return Asked()


async def test_a_publish_is_told_with_all_that_is_known() -> None:
    """Who, where, how much, under which ids, how long and with which end; and nothing that is secret."""
    async with house(log_publishes=1.0, logger=structlog.get_logger("sse_signals")) as hub:
        token = hub.tokens.issue("ann", grants=PUBLISHER)
        key = "Idempotency-Key: the-key-itself"
        batch: list[dict[str, Any]] = [{"topic": f"t{number}", "message": "the-message"} for number in range(9)]
        batch.append({"topic": "t0", "message": "the-message", "targetOwnershipEntityRefs": [A, B]})
        body = json.dumps(batch).encode()
        with capture_logs() as logs:
            first = await hub.ask("POST", "publish", ID, JSON, key, "Cookie: a=the-cookie", token=token, body=body)
            again = await hub.ask("POST", "publish", ID, JSON, key, token=token, body=body)
            one = await hub.ask("POST", "publish?topic=x", token=token, body=b"the-message")
        assert (first.status, again.status, one.status) == (202, 202, 202)
        told, repeated, short = [entry for entry in logs if entry["event"] == "published"]
        seconds = told.pop("seconds")
        assert 0 <= seconds < 5
        assert told == {
            "event": "published",
            "log_level": "info",
            "request_id": "r-1",
            "subject": "ann",
            "remote": "127.0.0.1",
            "topics": [f"t{number}" for number in range(8)],
            "more_topics": 1,
            "signals": 10,
            "targets": 2,
            "targeted": 1,
            "bytes": len(body),
            "media_type": "application/json",
            "keyed": True,
            "first": first.json["ids"][0],
            "last": first.json["ids"][-1],
            "status": 202,
            "outcome": "accepted",
            "share": 1.0,
            "node": hub.service.site.nodes.own,
        }
        assert (repeated["outcome"], repeated["first"]) == ("repeated", told["first"])
        assert (short["first"], short["last"], short["keyed"]) == (one.json["id"], one.json["id"], False)
        assert not any(secret in repr(logs) for secret in ("the-key", "the-message", "the-cookie", token))


async def test_publishes_are_sampled(start_hub: StartHub) -> None:
    """With a share of 0 none that is well is told; those that are refused are."""
    hub: Running = await start_hub(log_publishes=0)
    with capture_logs() as logs:
        for _ in range(20):
            assert (await ask(hub.url, request("POST", "/signals/publish?topic=a", body=b"x"))).status == 202
        await ask(hub.url, request("POST", "/signals/publish", JSON, body=b"{"))
    assert [entry["event"] for entry in logs] == ["publishes refused"]


def test_the_share_is_what_is_told() -> None:
    """Drawn for each publish: about so many of many, all with 1 and none with 0."""
    ears = Ears()
    shares = {share: PublishLog(ears.logger, ears, share=share, node="n") for share in (0.0, 0.1, 1.0)}
    drawn = {share: sum(log.draw() for _ in range(5_000)) for share, log in shares.items()}
    assert (drawn[0.0], drawn[1.0]) == (0, 5_000)
    assert 250 < drawn[0.1] < 1_000


@pytest.mark.parametrize(
    ("unknown", "outcome"), [(False, "unavailable"), (True, "unknown")], ids=["unavailable", "unknown"]
)
async def test_a_publish_that_failed_is_always_told(
    start_hub: StartHub, monkeypatch: pytest.MonkeyPatch, unknown: bool, outcome: str
) -> None:
    """As a warning with the cause, whatever the share is."""
    hub: Running = await start_hub(log_publishes=0)

    async def fail(*_: Any, **__: Any) -> Any:
        raise BrokerUnavailable("it is away", outcome_unknown=unknown)

    monkeypatch.setattr(hub.service.site.service, "publish", fail)
    with capture_logs() as logs:
        for _ in range(3):
            assert (await ask(hub.url, request("POST", "/signals/publish?topic=a", ID, body=b"x"))).status == 503
    failed = [entry for entry in logs if entry["event"] == "publish failed"]
    assert len(failed) == 3
    assert {(e["log_level"], e["status"], e["outcome"], e["kind"], e["error"], e["first"]) for e in failed} == {
        ("warning", 503, outcome, "broker-unavailable", "it is away", None)
    }
    assert all(entry["topics"] == ["a"] and entry["request_id"] == "r-1" for entry in failed)


@pytest.mark.parametrize("hasty", [0.0, 60.0], ids=["after it has waited", "at once"])
async def test_a_client_that_leaves_while_the_log_is_asked(
    start_hub: StartHub, monkeypatch: pytest.MonkeyPatch, hasty: float
) -> None:
    """It is told that nobody knows what became of its publish; one that leaves before is not told of.

    Who does not wait is told of now and then, as what it does is no fault of the hub.
    """
    monkeypatch.setattr(publish_log, "HASTY", hasty)
    hub: Running = await start_hub()
    begun, over = asyncio.Event(), asyncio.Event()

    async def wait(*_: Any, **__: Any) -> Any:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    monkeypatch.setattr(hub.service.site.service, "publish", wait)
    with capture_logs() as logs:
        async with connection(hub.url) as (_, writer):
            writer.write(request("POST", "/signals/publish?topic=a", "Content-Length: 5", body=b"x"))
            await writer.drain()
        async with connection(hub.url) as (_, writer):
            writer.write(request("POST", "/signals/publish?topic=a", ID, body=b"x"))
            await begun.wait()
        await over.wait()
        await asyncio.sleep(0)
    (told,) = [entry for entry in logs if entry.get("kind") == "client-gone"]
    assert (told["status"], told["request_id"]) == (None, "r-1")
    if hasty:
        assert (told["event"], told["log_level"], told["requests"]) == ("publishers left", "info", 1)
    else:
        assert (told["event"], told["log_level"], told["outcome"]) == ("publish failed", "warning", "unknown")


def test_those_who_do_not_wait_are_told_once_a_second() -> None:
    """However many there are, with their number."""
    ears = Ears()
    log = PublishLog(ears.logger, ears, share=1.0, node="n")
    course = Course(sampled=True)
    course.seconds = 0.1
    for _ in range(3):
        log.left(course, asked(), "192.0.2.1")
    ears.now_ms += EVERY_MS
    log.left(course, asked(), "192.0.2.1")
    assert [(line["event"], line["requests"]) for line in ears.lines] == [
        ("publishers left", 1),
        ("publishers left", 3),
    ]


def test_refusals_are_told_once_a_second_by_kind() -> None:
    """A flood of bad requests writes a line a second for each kind, with the number of those in between."""
    ears = Ears()
    log = PublishLog(ears.logger, ears, share=1.0, node="n")
    course = Course(sampled=True)

    def refuse(kind: str, status: int = 400) -> None:
        log.tell(course, asked(), "192.0.2.1", Problem(status, kind, "No.", hint="Do not."))

    for _ in range(1000):
        refuse("bad-parameter")
    refuse("not-granted", 403)
    ears.now_ms += EVERY_MS
    refuse("bad-parameter")
    ears.now_ms -= 10 * EVERY_MS  # a clock that is set back silences nobody
    refuse("bad-parameter")
    assert [(line["event"], line["kind"], line["status"], line["requests"]) for line in ears.lines] == [
        ("publishes refused", "bad-parameter", 400, 1),
        ("publishes refused", "not-granted", 403, 1),
        ("publishes refused", "bad-parameter", 400, 1000),
        ("publishes refused", "bad-parameter", 400, 1),
    ]
    assert all(line["level"] == "info" and line["remote"] == "192.0.2.1" for line in ears.lines)


def test_kinds_of_refusals_do_not_pile_up() -> None:
    """However many there may be one day, only so many are remembered."""
    ears = Ears()
    log = PublishLog(ears.logger, ears, share=1.0, node="n")
    for number in range(1000):
        log.tell(Course(sampled=False), asked(), "192.0.2.1", Problem(400, f"kind-{number}", "No.", hint="Do not."))
    assert len(ears.lines) == 1000
    assert len(log._refused._kinds) <= 100


def test_what_a_client_says_of_itself_forges_nothing() -> None:
    """A media type is cut and escaped, whatever the program's own logger does with control characters."""
    ears = Ears()
    course = Course(sampled=True)
    course.media_type = FORGERY + "y" * 1000
    course.signals = [Signal(b"1", "a")]
    course.receipt = Receipt([EventId("e" * 8, 1024)])
    PublishLog(ears.logger, ears, share=1.0, node="n").tell(course, asked(), "192.0.2.1", None)
    (line,) = ears.lines
    assert line["media_type"].isprintable()
    assert len(line["media_type"]) < 2 * MOST_TEXT
