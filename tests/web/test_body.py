"""Request bodies: what cannot be read is refused, at once where possible, and never with a 500."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import http_parser, web_protocol

from sse_signals import Limits
from tests.web.doors import OpenDoor, foreign, own, until
from tests.web.rawhttp import ask, connection, parse, request

if TYPE_CHECKING:
    from sse_signals.server import Running

JSON = "Content-Type: application/json"
RAW = "/signals/publish?topic=a"
BOTH = pytest.mark.parametrize("open_door", [own, foreign])


@pytest.mark.parametrize(
    ("target", "headers", "body", "status", "kind"),
    [
        ("/signals/publish", [], b"hello", 415, "content-type"),
        ("/signals/publish", [], b"", 415, "content-type"),
        ("/signals/publish", ["Content-Type: text/plain"], b'{"message":1}', 415, "content-type"),
        ("/signals/publish", ["Content-Type: application/x-www-form-urlencoded"], b"a=1", 415, "content-type"),
        ("/signals/publish", ["Content-Type: multipart/form-data; boundary=x"], b"--x--", 415, "content-type"),
        ("/signals/publish", ["Content-Type: \udcff"], b"1", 415, "content-type"),
        (RAW, ["Content-Type: multipart/form-data; boundary=x"], b"--x--", 415, "content-type"),
        (RAW, ["Content-Type: application/x-ndjson"], b"1\n", 415, "content-type"),
        (RAW, [JSON + "; charset=utf-16"], b"1", 415, "charset"),
        (RAW, ['Content-Type: text/plain;charset="ISO-8859-1"'], b"\xe4", 415, "charset"),
        (RAW, ["Content-Type: text/plain; charset=nonsense"], b"a", 415, "charset"),
        (RAW, ["Content-Encoding: gzip"], b"\x1f\x8b", 415, "content-encoding"),
        (RAW, ["Content-Encoding: br, gzip"], b"x", 415, "content-encoding"),
        (RAW, ["Transfer-Encoding: gzip, chunked"], b"1\r\na\r\n0\r\n\r\n", 415, "transfer-encoding"),
        (RAW, ["Content-Length: 99999999"], b"", 413, "body-too-large"),
        (RAW, [], b"\xff", 400, "bad-parameter"),
        (RAW, [], b"", 400, "bad-parameter"),
        (RAW, [JSON], b"", 400, "bad-parameter"),
        (RAW, [JSON], b"{", 400, "bad-parameter"),
        ("/signals/publish", [JSON], b"", 400, "bad-parameter"),
        ("/signals/publish", ["Content-Type: application/x-ndjson"], b'{"message":1}\n{', 400, "bad-parameter"),
        ("/signals/publish", ["Content-Type: application/x-ndjson"], b"", 400, "bad-batch"),
        ("/signals/publish?topci=a", [], b"x", 400, "bad-parameter"),
        ("/signals/publish?event=open", [], b"x", 400, "bad-parameter"),
        ("/signals/publish?topic=a*", [], b"x", 400, "bad-parameter"),
        ("/signals/publish?topic=", [], b"x", 400, "bad-parameter"),
        ("/signals/publish?target=", [], b"x", 400, "bad-parameter"),
        ("/signals/publish?event=a&event=b", [], b"x", 400, "bad-parameter"),
    ],
)
@BOTH
async def test_refused_bodies(
    open_door: OpenDoor, target: str, headers: list[str], body: bytes, status: int, kind: str
) -> None:
    """A body that cannot be taken is a problem that says why, in our server and in anybody's."""
    async with open_door() as door:
        if kind == "body-too-large":
            async with connection(door.url) as (reader, writer):
                writer.write(request("POST", target, *headers, body=body))
                answer, _ = parse(await reader.readuntil(b"}\n"))
        else:
            answer = await ask(door.url, request("POST", target, *headers, body=body))
        assert (answer.status, answer.kind) == (status, kind)


@pytest.mark.parametrize("charset", ["utf-8", '"UTF8"', "us-ascii"])
async def test_charsets_that_are_utf8(hub: Running, charset: str) -> None:
    """Every way to say UTF-8 is taken."""
    content_type = f"Content-Type: text/plain; format=flowed; charset={charset}"
    answer = await ask(hub.url, request("POST", RAW, content_type, "Content-Encoding: identity", body=b"a"))
    assert answer.status == 202


async def test_the_line_at_fault_is_named(hub: Running) -> None:
    """A line that is no JSON is named by its number, empty lines counted."""
    content_type = "Content-Type: application/x-ndjson"
    body = b'{"message":1}\n\n{"message":}\n'
    answer = await ask(hub.url, request("POST", "/signals/publish", content_type, body=body))
    assert answer.problem["errors"][0]["parameter"] == "line 3"


@BOTH
async def test_chunked_bodies_are_cut_off_at_the_limit(open_door: OpenDoor) -> None:
    """A body that does not say its length is refused when it passes the limit, before its end came."""
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with open_door() as door, connection(door.url) as (reader, writer):
        writer.write(request("POST", RAW, "Transfer-Encoding: chunked") + piece * 17)
        answer, _ = parse(await reader.readuntil(b"}\n"))
        assert (answer.status, answer.kind) == (413, "body-too-large")
        assert answer.headers["Connection"] == "close"


async def test_the_limit_of_a_body(hub: Running) -> None:
    """A body may have 1 MiB to the byte."""
    for size, status in ((2**20, 202), (2**20 + 1, 413)):
        body = b'[{"message":1}]'.ljust(size)
        async with connection(hub.url) as (reader, writer):
            writer.write(request("POST", "/signals/publish", JSON, body=body))
            answer, _ = parse(await reader.readuntil(b"}\n"))
            assert answer.status == status


async def test_a_slow_body() -> None:
    """A body that does not arrive in time is 408, and the connection is of no further use."""
    limits = Limits(body_timeout=0.05)
    async with foreign(limits=limits) as door, connection(door.url) as (reader, writer):
        writer.write(request("POST", RAW, "Content-Length: 10", body=b"x"))
        answer, _ = parse(await reader.readuntil(b"}\n"))
        assert (answer.status, answer.kind) == (408, "slow-body")
        assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("parser", [http_parser.HttpRequestParser, http_parser.HttpRequestParserPy])
async def test_chunks_that_break_off(monkeypatch: pytest.MonkeyPatch, parser: Any) -> None:
    """A body whose chunks turn out to be none is 400 as soon as that is known, whichever parser aiohttp has."""
    monkeypatch.setattr(web_protocol, "HttpRequestParser", parser)
    async with own() as door, connection(door.url) as (reader, writer):
        writer.write(request("POST", RAW, "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        handler_runs = asyncio.all_tasks()
        await until(lambda: asyncio.all_tasks() - handler_runs)
        writer.write(b"zz\r\n")
        answer, _ = parse(await reader.read())
        assert (answer.status, answer.kind) == (400, "broken-body")


@BOTH
@pytest.mark.parametrize("half_close", [False, True])
async def test_a_publisher_that_goes_away(
    open_door: OpenDoor, caplog: pytest.LogCaptureFixture, *, half_close: bool
) -> None:
    """A publisher that leaves in the middle of its body publishes nothing, leaves nothing behind, and is no error."""
    async with open_door() as door:
        tasks = len(asyncio.all_tasks())
        for _ in range(3):
            async with connection(door.url) as (reader, writer):
                writer.write(request("POST", RAW, "Content-Length: 10", body=b"x"))
                await until(lambda: len(asyncio.all_tasks()) > tasks)
                if half_close:
                    writer.write_eof()
                    assert await reader.read() == b""
        await until(lambda: len(asyncio.all_tasks()) == tasks)
        answer = await ask(door.url, request("POST", RAW, body=b"x"))
        assert answer.json["id"].endswith("-1")
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@BOTH
async def test_expect_100_continue(open_door: OpenDoor) -> None:
    """A client that waits for leave gets it, and a refusal instead where its body would be refused."""
    async with open_door() as door:
        async with connection(door.url) as (reader, writer):
            writer.write(request("POST", RAW, "Expect: 100-continue", "Content-Length: 2"))
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"hi")
            answer, _ = parse(await reader.read())
            assert answer.status == 202
        for host, headers, status in (
            ("localhost", ["Content-Length: 99999999"], 413),
            ("evil.example", ["Content-Length: 2"], 403),
        ):
            async with connection(door.url) as (reader, writer):
                writer.write(request("POST", RAW, "Expect: 100-continue", *headers, host=host))
                answer, _ = parse(await reader.readuntil(b"}\n"))
                assert answer.status == status
                assert answer.problem


@BOTH
async def test_expect_means_nothing_in_http_1_0(open_door: OpenDoor) -> None:
    """A request of HTTP/1.0 is answered once, without an interim answer that its client would not understand."""
    async with open_door() as door:
        for expectation in ("100-continue", "a-miracle"):
            data = request("POST", RAW, f"Expect: {expectation}", body=b"x", version="1.0")
            assert (await ask(door.url, data)).status == 202


@pytest.mark.parametrize(
    ("method", "target"), [("POST", RAW), ("GET", "/signals/stream"), ("PUT", RAW), ("GET", "/signals/nothing")]
)
@BOTH
async def test_other_expectations(open_door: OpenDoor, method: str, target: str) -> None:
    """Nothing but 100-continue can be expected, wherever it is asked."""
    async with open_door() as door:
        answer = await ask(door.url, request(method, target, "Expect: a-miracle"))
        assert (answer.status, answer.kind) == (417, "expectation")


@BOTH
async def test_no_leave_for_a_body_that_nobody_reads(open_door: OpenDoor) -> None:
    """Where no body is wanted the answer comes at once, in place of the leave to send it."""
    async with open_door() as door, connection(door.url) as (reader, writer):
        writer.write(request("PUT", RAW, "Expect: 100-continue", "Content-Length: 5"))
        answer, _ = parse(await reader.readuntil(b"}\n"))
        assert answer.status == 405
