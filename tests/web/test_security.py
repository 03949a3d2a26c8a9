"""The security checklist as far as it concerns HTTP: each test says which line it is. 21-24 are in test_origins.py."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import pytest

from sse_signals import listening
from sse_signals.hub.stream import HIGH_WATER
from sse_signals.web.limits import Limits
from tests.web.doors import own
from tests.web.rawhttp import ask, connection, events, exchange, messages, parse, request

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

JSON = "Content-Type: application/json"
RAW = "/signals/publish?topic=a"
POLL = request("GET", "/signals/stream?poll=1")


async def alive(hub: Running) -> None:
    """Check that nothing was published so far, and that the hub works."""
    assert messages((await ask(hub.url, POLL)).body) == []
    assert (await ask(hub.url, request("POST", RAW, body=b"x"))).status == 202
    assert messages((await ask(hub.url, POLL)).body) == ["x"]


@pytest.mark.parametrize("field", ["event", "topic", "plugin", "idempotencyKey"])
@pytest.mark.parametrize("text", ["a\rb", "a\nb", "a\r\nid: 1", "a\0b", "\u2028", "\u202eb", "a\u0085"])
async def test_27_injected_lines(hub: Running, field: str, text: str) -> None:
    """27: no field can hold a line break, a NUL or an invisible character, so none can forge a line of a stream."""
    signal = {"message": 1, field: text}
    answer = await ask(hub.url, request("POST", "/signals/publish", JSON, body=json.dumps(signal).encode()))
    assert answer.status == 400
    assert answer.problem["errors"][0]["field"] == field
    await alive(hub)


async def test_27_lines_of_a_message(hub: Running) -> None:
    """27: line breaks of all kinds inside a message arrive as they are and break nothing."""
    text = "a\rb\nc\r\nd\u2028e\u0085f\x0bg\x0ch\0\n\nid: 7\n\ndata: forged"
    assert (await ask(hub.url, request("POST", RAW, body=text.encode()))).status == 202
    answer = await ask(hub.url, POLL)
    assert messages(answer.body) == [text]
    assert len(events(answer.body)) == 3


@pytest.mark.parametrize(
    "body", [b'{"message":"\\ud800"}', b'{"message":{"\\udc00":1}}', b'{"message":"\xed\xa0\x80"}']
)
async def test_27_lone_surrogates(hub: Running, body: bytes) -> None:
    """27: lone surrogates are refused, or they would break the writing of every stream."""
    assert (await ask(hub.url, request("POST", "/signals/publish", JSON, body=body))).status == 400
    await alive(hub)


@pytest.mark.parametrize("last_id", ["a\0b", "x" * 9000])
async def test_28_ids_the_parser_refuses(hub: Running, last_id: str) -> None:
    """28: what no header can hold is 400, a problem as any other; for all other ids see test_stream.py."""
    answer = await ask(hub.url, request("GET", "/signals/stream?poll=1", f"Last-Event-ID: {last_id}"))
    assert (answer.status, answer.kind) == (400, "bad-request")


async def test_29_everything_for_many(start_hub: StartHub) -> None:
    """29: clients that ask for everything and read nothing hold a bounded buffer each, and live streams go on."""
    hub: Running = await start_hub(send_timeout=30)
    for _ in range(40):
        assert (await ask(hub.url, request("POST", RAW, body=b"x" * 60_000))).status == 202
    async with contextlib.AsyncExitStack() as stack:
        reader, writer = await stack.enter_async_context(connection(hub.url))
        writer.write(request("GET", "/signals/stream?topic=b", version="1.0"))
        await reader.readuntil(b"signals.open")
        for _ in range(100):
            deaf, other = await stack.enter_async_context(connection(hub.url, limit=1024))
            other.write(request("GET", "/signals/stream?since=all"))
            await deaf.readuntil(b"signals.open")
        assert (await ask(hub.url, request("POST", "/signals/publish?topic=b", body=b"live"))).status == 202
        await reader.readuntil(b'"message":"live"}')
        node = hub.service.site.service.node
        assert hub.service.streams == 101
        assert max(stream.transport.get_write_buffer_size() for stream in node.hub.streams) <= 2 * HIGH_WATER


@pytest.mark.parametrize("topic", ["", "x" * 256, "\u00e9" * 128, "a\x07", "a\u200d", "\u2066", "a*", "*"])
async def test_30_topics(hub: Running, topic: str) -> None:
    """30: a topic that is empty, too long, invisible or a pattern is refused."""
    body = json.dumps({"message": 1, "topic": topic}).encode()
    assert (await ask(hub.url, request("POST", "/signals/publish", JSON, body=body))).status == 400
    await alive(hub)


async def test_30_topics_are_compared_in_one_form(hub: Running) -> None:
    """30: topics are case-sensitive, and the same however their characters are composed."""
    for topic in ("\u00c5", "a\u030a", "A\u030a"):
        body = json.dumps({"message": topic, "topic": topic}).encode()
        assert (await ask(hub.url, request("POST", "/signals/publish", JSON, body=body))).status == 202
    answer = await ask(hub.url, request("GET", "/signals/stream?poll=1&topic=A%CC%8A"))
    assert messages(answer.body) == ["\u00c5", "A\u030a"]


@pytest.mark.parametrize("pattern", [".*", "a.*", "a?c", "[a-z]*", "(a|b)*", "a%", "^a"])
async def test_31_filters_are_no_patterns(hub: Running, pattern: str) -> None:
    """31: nothing in a filter has a meaning but the star at its end."""
    assert (await ask(hub.url, request("POST", "/signals/publish?topic=abc", body=b"x"))).status == 202
    answer = await ask(hub.url, request("GET", "/signals/stream?poll=1&topic=" + pattern.replace("%", "%25")))
    assert messages(answer.body) == []


@pytest.mark.parametrize("target", [RAW, "/signals/publish", "/signals/stream", "/nothing"])
async def test_32_bodies_are_not_waited_for(hub: Running, target: str) -> None:
    """32: a body that is too long, or that nobody wants, is answered before it comes."""
    async with connection(hub.url) as (reader, writer):
        writer.write(request("POST", target, JSON, "Content-Length: 1000000000"))
        answer, _ = parse(await reader.readuntil(b"}\n"))
        assert answer.status == (413 if "publish" in target else 405 if "stream" in target else 404)
        assert answer.problem


async def test_32_trailers(hub: Running) -> None:
    """32: trailers after a body are let pass and mean nothing."""
    body = b"1\r\nx\r\n0\r\nIdempotency-Key: k\r\n\r\n"
    for number in (1, 2):
        answer = await ask(hub.url, request("POST", RAW, "Transfer-Encoding: chunked", body=body))
        assert answer.json["id"].endswith(f"-{number}")


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"18446744073709551616",
        b"-9223372036854775809",
        b"[1234567890123456789012]",
        b"9" * 5000,
        b'"\xff"',
        b'"\xc0\xaf"',
        b"\xef\xbb\xbf1",
        b"\xff\xfe1\x00",
        b"[" * 100_000,
        b"[" * 33 + b"]" * 33,
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b"01",
        b"'a'",
        b"{a:1}",
        b"[1,]",
        b"1 2",
        b"/**/1",
        b'"\x01"',
        b" ",
    ],
)
async def test_33_json(hub: Running, text: bytes) -> None:
    """33: what is not JSON, or JSON that not everybody reads alike, is 400 wherever it stands."""
    answers = [
        await ask(hub.url, request("POST", RAW, JSON, body=text)),
        await ask(hub.url, request("POST", "/signals/publish", JSON, body=b'{"message":' + text + b"}")),
        await ask(hub.url, request("POST", "/signals/publish", JSON, body=b'[{"message":' + text + b"}]")),
        await ask(hub.url, request("POST", "/signals/publish", "Content-Type: application/x-ndjson", body=text)),
    ]
    assert [answer.status for answer in answers] == [400] * 4
    assert all(answer.problem["errors" if text.strip() else "hint"] for answer in answers)
    await alive(hub)


@pytest.mark.parametrize(
    "data",
    [
        request("POST", RAW, "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request("POST", RAW, "Transfer-Encoding: chunked", "Content-Length: 5", body=b"0\r\n\r\n"),
        request("POST", RAW, "Content-Length: 1", "Content-Length: 2", body=b"xy"),
        request("POST", RAW, "Content-Length: 1, 2", body=b"xy"),
        request("POST", RAW, "Content-Length: -1", body=b"xy"),
        request("POST", RAW, "Content-Length: +1", body=b"x"),
        request("POST", RAW, "Content-Length: 0x1", body=b"x"),
        request("POST", RAW, f"Content-Length: {2**64 + 1}", body=b"x"),
        request("POST", RAW, "Transfer-Encoding: gzip", body=b"x"),
        request("POST", RAW, "Transfer-Encoding: chunked", body=b"zz\r\n"),
        request("POST", RAW, "Transfer-Encoding: chunked", body=b"1\r\nabc\r\n0\r\n\r\n"),
        request("POST", RAW, "Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\nx"),
        request("GET", "/signals/stream", "Host: localhost"),
        request("GET", "/signals/stream", host=None),
        request("GET", "/signals/stream", "X: a\r\n b"),
        request("GET", "/signals/stream", "X: a\rb"),
        request("GET", "/signals/stream", "X : a"),
        request("GET", "/signals/stream", "no colon"),
        request("GET", "/signals/stream", ": no name"),
        request("GET", "/signals/stream", *(f"X-{number}: a" for number in range(200))),
        request("GET", "/signals/stream", "X: " + "a" * 8200),
        request("GET", "/signals/stream?" + "&".join(f"topic={'x' * 255}" for _ in range(64))),
        request("GET", "/signals/stream?topic=\udcff"),
        request("BREW", "/signals/stream"),
        request("GET", "/signals/stream", version="3.0"),
        request("GET", "/signals/stream").replace(b"\r\n", b"\n"),
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\nnonsense\r\n\r\n",
    ],
)
async def test_34_broken_requests(hub: Running, data: bytes) -> None:
    """34: a request that two readers could take for two things is 400, once, and its connection is closed."""
    answer = await ask(hub.url, data)
    assert (answer.status, answer.kind) == (400, "bad-request")
    await alive(hub)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_34_upgrades(hub: Running, method: str) -> None:
    """34: there is no other protocol to change to, and a body beside the wish is no second request."""
    headers = ("Connection: upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    smuggled = request("GET", "/signals/health/live")
    data = request(method, "/signals/stream", *headers, body=smuggled if method == "POST" else b"")
    answer = await ask(hub.url, data)
    assert (answer.status, answer.kind) == (400, "no-upgrade")


async def test_36_slow_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    """36: a connection that sends half a head, or nothing, is closed in 15 seconds, a body has 10; here shortened."""
    assert listening.KEEP_ALIVE <= 15
    assert Limits().body_timeout <= 10
    monkeypatch.setattr(listening, "KEEP_ALIVE", 0.1)
    async with own() as door:
        for start in (b"", b"GET /signals/stream HTTP/1.1\r\nHost: localhost\r\nX: "):
            assert await exchange(door.url, start) == b""
        async with connection(door.url) as (reader, writer):
            writer.write(request("GET", "/signals/health/live", "Connection: keep-alive") + b"GET /sig")
            answer, rest = parse(await reader.read())
            assert (answer.status, rest) == (200, b"")


async def test_42_requests_behind_a_stream(hub: Running) -> None:
    """42: what is sent behind a stream's request is not taken in without end, and the stream does not mind."""
    more = request("GET", "/signals/health/live", "Connection: keep-alive") * 1000
    async with connection(hub.url) as (reader, writer):
        writer.write(request("GET", "/signals/stream?topic=a", "Connection: keep-alive"))
        await reader.readuntil(b"signals.open")
        while not writer.transport.get_write_buffer_size():  # until the kernel's buffers are full: nobody reads
            writer.write(more)
            await asyncio.sleep(0)
        assert (await ask(hub.url, request("POST", RAW, body=b"x"))).status == 202
        await reader.readuntil(b'"message":"x"}')
