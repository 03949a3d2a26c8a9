"""Every answer has the id of its request, and every log line about it has the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.authenticated import ADMIN, house
from tests.web.rawhttp import ask, connection, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sse_signals.server import Running
    from tests.authenticated import House

ID = "X-Request-Id"
MINE = f"{ID}: abc.DEF_1~2+3/4=5-6"
NEW = re.compile(r"[0-9a-f]{20}")
# Every route, and what reaches none.
TARGETS = [
    ("GET", "/signals/stream?poll=1"),
    ("GET", "/signals/stream?since=nothing"),
    ("POST", "/signals/publish?topic=a"),
    ("POST", "/signals/publish"),
    ("POST", "/signals/tickets"),
    ("GET", "/signals/streams"),
    ("POST", "/signals/streams/x/renew"),
    ("POST", "/signals/revocations"),
    ("POST", "/signals/drain"),
    ("GET", "/signals/metrics"),
    ("GET", "/signals/health/live"),
    ("HEAD", "/signals/health/ready"),
    ("GET", "/signals/client.js"),
    ("GET", "/signals/console"),
    ("OPTIONS", "/signals/publish"),
    ("DELETE", "/signals/publish"),
    ("GET", "/signals/nothing"),
    ("GET", "/nothing"),
    ("OPTIONS", "*"),
]


@pytest.fixture
async def strict() -> AsyncIterator[House]:
    """A hub where one has to authenticate."""
    async with house() as running:
        yield running


async def test_every_answer_has_the_id_that_its_request_came_with(hub: Running) -> None:
    """Whatever the route, the method and the answer; a problem document says it, too."""
    documents = 0
    for method, target in TARGETS:
        if target == "/signals/drain":
            continue  # it would end the hub of the others
        answer = await ask(hub.url, request(method, target, MINE))
        assert answer.headers.getall(ID) == [MINE.partition(": ")[2]], target
        if answer.headers.get("Content-Type") == "application/problem+json" and answer.body:
            assert answer.json["requestId"] == answer.headers[ID]
            documents += 1
    assert documents >= 6
    drained = await ask(hub.url, request("POST", "/signals/drain", MINE, "Origin: http://foreign.example"))
    assert (drained.status, drained.headers[ID]) == (403, MINE.partition(": ")[2])
    expected = await ask(hub.url, request("GET", "/signals/streams", MINE, "Expect: more"))
    assert (expected.status, expected.headers[ID]) == (417, MINE.partition(": ")[2])


async def test_a_file_that_the_client_has_has_an_id_too(hub: Running) -> None:
    """304 and the compressed form are answers as well."""
    first = await ask(hub.url, request("GET", "/signals/client.js", MINE, "Accept-Encoding: gzip"))
    known = await ask(hub.url, request("GET", "/signals/client.js", MINE, f"If-None-Match: {first.headers['ETag']}"))
    assert (first.headers["Content-Encoding"], known.status) == ("gzip", 304)
    assert first.headers[ID] == known.headers[ID] == MINE.partition(": ")[2]


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "ä", "a\tb", "\x1b[31m", "a;b", '"a"', "a\\n"])
async def test_an_id_that_cannot_stand_in_a_log_is_replaced(hub: Running, sent: str) -> None:
    """Only 1 to 128 of certain characters are taken over; each request without a good one gets another."""
    asked = request("GET", "/signals/health/live", f"{ID}: {sent}")
    found = [(await ask(hub.url, asked)).headers[ID] for _ in range(2)]
    assert all(NEW.fullmatch(each) for each in found)
    assert len(set(found)) == 2


async def test_a_request_that_cannot_be_read_has_an_id(hub: Running) -> None:
    """It has none that could be read, so it gets a new one, which its log line has as well."""
    answer = await ask(hub.url, request("GET", "/signals/stream", "broken header"))
    assert answer.status == 400
    assert NEW.fullmatch(answer.headers[ID])
    assert answer.json["requestId"] == answer.headers[ID]


async def test_a_stream_has_the_id_of_its_request(hub: Running) -> None:
    """In its head, and beside its name in what is logged of it."""
    with capture_logs() as logs:
        async with connection(hub.url) as (reader, writer):
            writer.write(request("GET", "/signals/stream?topic=a", MINE))
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"signals.open")
        full = await ask(hub.url, request("GET", "/signals/stream?poll=1", MINE))
    assert MINE.encode() in head
    assert full.headers[ID] == MINE.partition(": ")[2]
    lines = [entry for entry in logs if "stream" in entry]
    assert {entry["request_id"] for entry in lines} == {MINE.partition(": ")[2]}
    assert {entry["event"] for entry in lines} == {"stream opened", "stream closed"}


async def test_every_line_about_a_request_has_its_id(strict: House) -> None:
    """Refusals, renewals, orders and failures: who has an answer finds what the hub has to say about it."""
    admin = strict.tokens.issue("admin", grants=ADMIN)
    with capture_logs() as logs:
        await strict.ask("GET", "stream", MINE)  # no credentials
        await strict.ask("GET", "stream", MINE, token="token-of-nobody")
        await strict.ask("GET", "stream", MINE, "Authorization: Basic x")
        await strict.ask("GET", "stream?ticket=nothing", MINE)
        await strict.ask("POST", "tickets", MINE)
        await strict.ask("POST", "streams/x/renew", MINE)
        body = b'{"subject":"ann"}'
        await strict.ask("POST", "revocations", MINE, "Content-Type: application/json", token=admin, body=body)
        async with strict.stream(admin, "", MINE) as (_, receipt):
            renewed = await strict.ask("POST", f"streams/{receipt['stream']}/renew", MINE, token=admin)
        assert renewed.status == 200
    assert {entry["event"] for entry in logs} >= {"not authenticated", "revoked", "stream renewed", "stream opened"}
    assert {entry.get("request_id") for entry in logs} == {MINE.partition(": ")[2]}, logs


async def test_a_failure_of_the_hub_names_the_request(hub: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 says which request it is, and the line with the traceback as well."""

    async def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(hub.service.site.service, "publish", fail)
    with capture_logs() as logs:
        answer = await ask(hub.url, request("POST", "/signals/publish?topic=a", MINE, body=b"x"))
    assert (answer.status, answer.json["requestId"]) == (500, MINE.partition(": ")[2])
    failed = {entry["event"]: entry for entry in logs}
    assert failed["request failed"]["request_id"] == answer.headers[ID]
    assert failed["publish failed"]["outcome"] == "failed"
