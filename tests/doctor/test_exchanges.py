"""Requests and answers over real connections, and every way in which they end."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import TYPE_CHECKING

import pytest

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.exchange import How
from sse_signals.doctor.following import Following
from sse_signals.doctor.line import Line, NoConnection
from sse_signals.doctor.target import Target
from sse_signals.doctor.terms import MARK
from tests.doctor.scripted import GET, asked, reset_now, says, server

if TYPE_CHECKING:
    from tests.doctor.fronts import Certificate
    from tests.doctor.scripted import Talk

NO_HTTP = "the answer was reset (it sent something that is no HTTP)"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request, and reset the connection."""
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001 - it never answers
    """Read, and never answer."""
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "failed"),
    [
        (says(), "the answer broke off in the middle"),
        (says(b"SSH-2.0\r\n\r\n"), NO_HTTP),
        (says(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "the answer broke off in the middle"),
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"half"), "the answer broke off in the middle"),
        (says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"zz\r\n"), NO_HTTP),
        (reset, "the answer was reset (connection reset by peer)"),
        (silent, "there was no whole answer within 0.2 s"),
    ],
)
async def test_answers_that_fail(talk: Talk, failed: str) -> None:
    """Whatever is wrong with an answer becomes the end of a sentence about it."""
    answer = await asked(talk, seconds=0.2 if talk is silent else 5.0)
    assert answer.failed == failed


async def test_answers() -> None:
    """An answer is read to its end, after those that come before it, and no further than it may be long."""
    answer = await asked(says(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 404 Not Found\r\n\r\n", b"none"))
    assert (answer.status, answer.body, answer.failed, answer.media_type) == (404, b"none", None, "")
    answer = await asked(says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000))
    assert 256 * 1024 <= len(answer.body) < 400_000


async def test_a_body_that_is_cut_by_a_reset() -> None:
    """An answer that begins and is then reset has failed, and its head is known."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")(reader, writer)
        await came.wait()
        reset_now(writer)

    came = asyncio.Event()
    async with server(talk) as target, Line(target).ask(GET) as exchange:
        assert (await exchange.head()).status == 200
        assert await exchange.read() == b"half"
        came.set()
        assert await exchange.read() == b""
        assert exchange.ending is not None
        assert exchange.ending.how is How.RESET


@pytest.mark.parametrize(
    ("talk", "tls", "text"),
    [(silent, True, "does not speak TLS"), (silent, False, "does not answer within 0.2 s")],
)
async def test_no_connection(talk: Talk, tls: bool, text: str) -> None:
    """Why there is no connection is the end of a sentence about the server."""
    async with server(says(b"HTTP/1.1 400 No\r\n\r\n", after=b"\x01") if tls else talk) as target:
        line = Line(Target("https", target.host, target.port, ""), verify=False, connect=0.2 if not tls else 5.0)
        with pytest.raises(NoConnection, match=text):
            async with line.ask(GET):
                pass


async def test_nobody_there(proof: Certificate) -> None:
    """A port where nobody listens, a name that nobody knows, and a wrong certificate are told apart."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for target, text in (
        (Target("http", "127.0.0.1", port, ""), "cannot be connected to (connection refused)"),
        (Target("http", "signals-doctor.invalid", 80, ""), "has a name that cannot be found"),
    ):
        answer = await Asker(Line(target), time.monotonic).try_to(GET)
        assert answer.failed == f"the server {text}"
        following = Following(Line(target), GET, time.monotonic)
        assert not await following.until(lambda stream: stream.head is not None, 5.0)
        assert (await following.stop()).refused == f"the server {text}"
    async with server(silent, proof) as target:
        with pytest.raises(NoConnection) as refused:
            await Asker(Line(target), time.monotonic).ask(GET)
        assert refused.value.certificate


@pytest.mark.parametrize(
    ("parts", "events", "ending"),
    [
        ([STREAM + b"\r\ndata: 1\n\n", b"data: 2\n\nda"], ["1", "2"], "ended with its connection"),
        ([STREAM + b"Content-Encoding: gzip\r\n\r\n", b"no gzip"], [], "ended with its connection"),
        ([STREAM + b"Content-Encoding: br\r\n\r\n", b"??"], [], "ended with its connection"),
        ([STREAM + b"\r\n" + b"data: " + b"x" * 2_000_000], [], "was reset (an event was too long to be a hub's)"),
        ([b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy"], [], "ended properly"),
        ([], [], "broke off in the middle"),
    ],
)
async def test_following(parts: list[bytes], events: list[str], ending: str) -> None:
    """What comes on a stream is kept with its time, and how it ends; what cannot be read is not."""
    async with server(says(*parts)) as target:
        following = Following(Line(target), GET, time.monotonic)
        await following.until(lambda stream: stream.ending is not None, 5.0)
        seen = await following.stop()
    assert [arrival.data for arrival in seen.arrivals] == events
    assert str(seen.ending) == ending
    assert seen.body == (b"busy" if seen.head and seen.head.status == 503 else b"")


async def test_what_is_kept_of_a_long_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first events are kept, the last of the hub's and of ours, and nothing else that a busy hub sends."""
    monkeypatch.setattr("sse_signals.doctor.following.FEW", 2)
    monkeypatch.setattr("sse_signals.doctor.following.MOST", 16)
    noise = b"data: noise\n\n" * 30
    ours = b"".join(b"data: %b%d\n\n" % (MARK.encode(), number) for number in range(30))
    parts = STREAM + b"\r\ndata: one\n\ndata: two\n\n" + noise + ours + b"event: signals.goodbye\ndata: bye\n\n"
    async with server(says(parts)) as target:
        following = Following(Line(target), GET, time.monotonic)
        await following.until(lambda stream: stream.ending is not None, 5.0)
        seen = await following.stop()
    kept = [arrival.data for arrival in seen.arrivals]
    assert 10 < len(kept) <= 16
    assert kept == ["one", "two", *(f"{MARK}{number}" for number in range(33 - len(kept), 30)), "bye"]


async def test_silences_that_a_stream_survives() -> None:
    """The longest time without a byte is known, also of events that are no longer kept."""
    moments = (0.0, 1.0, 9.0, 10.0)
    last = [0.0]

    def clock() -> float:
        return last[0]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM + b"\r\n")
        for number, moment in enumerate(moments):
            last[0] = moment
            writer.write(b"data: %d\n\n" % number)
            await came[number].wait()

    came = [asyncio.Event() for _ in range(4)]
    async with server(talk) as target:
        following = Following(Line(target), GET, clock)
        for number, event in enumerate(came):
            assert await following.until(lambda stream, least=number: len(stream.arrivals) > least, 5.0)  # type: ignore[misc]
            event.set()
        seen = await following.stop()
    assert seen.longest_silence == 8.0
