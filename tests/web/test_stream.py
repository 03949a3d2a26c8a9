"""A stream over HTTP: its head, its receipt, where it starts, and the forms it has."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.web.doors import OpenDoor, foreign, own
from tests.web.rawhttp import Answer, ask, connection, events, exchange, messages, request

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.server import Running
    from tests.conftest import StartHub

BOTH = pytest.mark.parametrize("open_door", [own, foreign])
POLL = "/signals/stream?poll=1"


async def publish(http: aiohttp.ClientSession, url: str, *values: Any, topic: str = "t") -> list[str]:
    """Publish one signal for each value, and return their ids."""
    ids = []
    for value in values:
        async with http.post(f"{url}/publish", json={"message": value, "topic": topic}) as answer:
            assert answer.status == 202
            ids.append((await answer.json())["id"])
    return ids


async def poll(url: str, query: str = "", *headers: str, version: str = "1.1") -> Answer:
    """Ask for what is there."""
    answer = await ask(url, request("GET", POLL + query, *headers, version=version))
    assert answer.status == 200
    return answer


def data(event: dict[str, str]) -> Any:
    """Return an event's data as the JSON it is."""
    return json.loads(event["data"])


@BOTH
async def test_the_head_of_a_stream(open_door: OpenDoor) -> None:
    """No cache keeps it, no proxy holds it back or compresses it, and it says what it is."""
    async with open_door() as door:
        answer = await poll(door.url)
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "sse-signals"
        assert answer.headers["Vary"] == "Origin, Authorization, Cookie"
        assert answer.headers.getall("Transfer-Encoding") == ["chunked"]
        assert "Content-Length" not in answer.headers
        assert "Content-Encoding" not in answer.headers


async def test_the_receipt(start_hub: StartHub, http: aiohttp.ClientSession) -> None:
    """A stream begins with a delay to reconnect, its place in the log, and what it will get."""
    hub: Running = await start_hub(heartbeat=2.5)
    ids = await publish(http, hub.url, 1)
    (receipt, beat) = events((await poll(hub.url, "&topic=b/*&plugin=a&lastEventId=" + ids[0])).body)
    assert 2000 <= int(receipt["retry"]) <= 4000
    assert receipt["event"] == "signals.open"
    assert receipt["id"] == ids[0]
    stream = data(receipt).pop("stream")
    assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{16}", stream)
    assert data(receipt) == {
        "protocol": 1,
        "stream": stream,
        "recovered": True,
        "subject": None,
        "heartbeat": 2.5,
        "topics": ["a", "a:*", "b/*"],
    }
    assert beat == {"event": "signals.heartbeat", "id": ids[0], "data": "{}"}


async def test_where_it_starts(hub: Running, http: aiohttp.ClientSession) -> None:
    """Every form of start gives what follows it, and an id gives exactly what came after."""
    ids = await publish(http, hub.url, 0, 1, 2, 3)
    await publish(http, hub.url, "other", topic="u")
    for query, expected in (
        ("", [0, 1, 2, 3]),
        ("&since=all", [0, 1, 2, 3]),
        ("&since=-2", [2, 3]),
        ("&since=-100", [0, 1, 2, 3]),
        ("&since=1h", [0, 1, 2, 3]),
        ("&since=2100-01-01T00:00:00Z", []),
        (f"&lastEventId={ids[1]}", [2, 3]),
        (f"&lastEventId={ids[3]}&since=all", []),
    ):
        answer = await poll(hub.url, "&topic=t" + query)
        assert messages(answer.body) == expected, query
        receipt = data(events(answer.body)[0])
        assert receipt.get("recovered") is (True if "lastEventId" in query else None)
    answer = await poll(hub.url, f"&topic=t&lastEventId={ids[3]}", f"Last-Event-ID: {ids[0]}")
    assert messages(answer.body) == [1, 2, 3]


async def test_a_poll_ends_with_its_cursor(hub: Running, http: aiohttp.ClientSession) -> None:
    """A poll ends with a heartbeat whose id is the place to poll from next, other topics' traffic included."""
    await publish(http, hub.url, 1)
    (last,) = await publish(http, hub.url, 2, topic="u")
    *_, beat = events((await poll(hub.url, "&topic=t")).body)
    assert (beat["event"], beat["id"]) == ("signals.heartbeat", last)
    await publish(http, hub.url, 3)
    assert messages((await poll(hub.url, "&topic=t&lastEventId=" + last)).body) == [3]


@pytest.mark.parametrize(
    ("last_id", "reason", "values"),
    [
        ("zzzzzzzz-1", "epoch", [3, 4]),
        ("{epoch}-1", "trimmed", [3, 4]),
        ("{epoch}-99", "unknown-id", []),
        ("{epoch}-9999999999999999", "unknown-id", []),
        ("{epoch}--1", "unknown-id", []),
        ("{epoch}-18446744073709551616", "unknown-id", []),
        ("nonsense", "unknown-id", []),
        ("a\udcffb", "unknown-id", []),
        ("x" * 8000, "unknown-id", []),
    ],
)
async def test_gaps(start_hub: StartHub, http: aiohttp.ClientSession, last_id: str, reason: str, values: Any) -> None:
    """An id that cannot be resumed from is told by a gap with its reason, and the stream goes on where it says."""
    hub: Running = await start_hub(history_count=2)
    ids = await publish(http, hub.url, 1, 2, 3, 4)
    epoch = ids[0].partition("-")[0]
    text = last_id.format(epoch=epoch)
    answer = await poll(hub.url, "", f"Last-Event-ID: {text}")
    receipt, gap, *_ = events(answer.body)
    assert data(receipt)["recovered"] is False
    assert gap["event"] == "signals.gap"
    parsable = re.fullmatch(r"[0-9a-z]{8}-\d{1,16}", text)
    goes_on = ids[1] if values else ids[3]
    assert data(gap) == {"reason": reason, "from": text if parsable else None, "to": goes_on}
    assert gap["id"] == goes_on
    assert messages(answer.body) == values

    if "\udcff" not in text:
        query = await ask(hub.url, request("GET", f"{POLL}&lastEventId={text}"))
        if parsable:
            assert messages(query.body) == values
        else:
            assert query.problem["errors"][0]["parameter"] == "lastEventId"


async def test_two_ids_are_none(hub: Running) -> None:
    """Several Last-Event-ID headers are a gap, since nobody knows which one is meant."""
    answer = await poll(hub.url, "", "Last-Event-ID: abcdefgh-1", "Last-Event-ID: abcdefgh-1")
    assert data(events(answer.body)[1])["reason"] == "unknown-id"


@BOTH
async def test_json_lines(open_door: OpenDoor, http: aiohttp.ClientSession) -> None:
    """JSON lines carry the same events, the hub's own with their name, one object a line."""
    async with open_door() as door:
        (event_id,) = await publish(http, door.url, {"a": "\u2028\n"})
        answer = await poll(door.url, "", "Accept: application/x-ndjson")
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        receipt, event, beat = (json.loads(line) for line in answer.body.split(b"\n")[:-1])
        assert receipt["event"] == "signals.open"
        assert receipt["message"]["protocol"] == 1
        assert (event["id"], event["topic"], event["message"]) == (event_id, "t", {"a": "\u2028\n"})
        assert set(event) == {"id", "topic", "time", "message"}
        assert (beat["event"], beat["id"]) == ("signals.heartbeat", event_id)


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
@BOTH
async def test_live(open_door: OpenDoor, http: aiohttp.ClientSession, accept: str) -> None:
    """What is published while a stream is open reaches it at once, in chunks, in either form."""
    async with open_door() as door, connection(door.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=t", f"Accept: {accept}", "Connection: keep-alive"))
        await reader.readuntil(b"signals.open")
        await publish(http, door.url, "for others", topic="u")
        await publish(http, door.url, "live one")
        read = await reader.readuntil(b'"message":"live one"}')
        assert b"for others" not in read
        chunk = read.rpartition(b"\r\n")[0].rpartition(b"\r\n")[2]
        assert re.fullmatch(b"[0-9a-f]+", chunk)


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
@BOTH
async def test_http_1_0(open_door: OpenDoor, http: aiohttp.ClientSession, accept: str) -> None:
    """A client of HTTP/1.0 gets the same body without chunks, and the end of the connection is its end."""
    async with open_door() as door:
        await publish(http, door.url, 1, 2)
        plain = await poll(door.url, "", f"Accept: {accept}", "Connection: keep-alive", version="1.0")
        chunked = await poll(door.url, "", f"Accept: {accept}")
        assert "Transfer-Encoding" not in plain.headers
        assert plain.headers["Connection"] == "close"
        assert plain.body.count(b'"message":1') == plain.body.count(b'"message":2') == 1
        assert len(plain.body.splitlines()) == len(chunked.body.splitlines())
        async with connection(door.url) as (reader, writer):
            writer.write(request("GET", "/signals/stream", f"Accept: {accept}", version="1.0"))
            await reader.readuntil(b"signals.open")
            await publish(http, door.url, "live one")
            assert b"\r" not in await reader.readuntil(b'"message":"live one"}')


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_what_was_written_is_counted(hub: Running, http: aiohttp.ClientSession, version: str) -> None:
    """The record of a stream's end says how many bytes its body had on the wire."""
    await publish(http, hub.url, 1, 2)
    with capture_logs() as logs:
        received = await exchange(hub.url, request("GET", POLL, version=version))
    body = received.partition(b"\r\n\r\n")[2]
    (closed,) = [entry for entry in logs if entry["event"] == "stream closed"]
    assert closed["bytes"] == len(body) - (len(b"0\r\n\r\n") if version == "1.1" else 0)


async def test_a_connection_is_used_again_after_a_poll(hub: Running) -> None:
    """A poll leaves its connection fit for the next request."""
    async with connection(hub.url) as (reader, writer):
        for _ in range(3):
            writer.write(request("GET", POLL, "Connection: keep-alive"))
            assert b"200 OK" in await reader.readuntil(b"\r\n0\r\n\r\n")
        writer.write(request("POST", "/signals/publish?topic=t", "Connection: keep-alive", body=b"x" * 60_000))
        assert b"202" in await reader.readuntil(b"}\n")
