"""Requests and answers over HTTP/2."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hyperframe.frame import GoAwayFrame

from sse_signals.doctor.asking import Asker
from sse_signals.doctor.exchange import Ask, Ending, How, NoAnswer
from sse_signals.doctor.line import Line
from sse_signals.doctor.line2 import Connection2
from tests.doctor.scripted import GET, asked, frames, reset_now, server

if TYPE_CHECKING:
    from h2.connection import H2Connection

    from tests.doctor.fronts import Certificate

POST = Ask("POST", "/signals/publish", (("Host", "dropped"),), b"x" * 200_000)


def headers(connection: H2Connection, stream: int, *, end: bool = False, kind: str = "text/event-stream") -> None:
    """Begin an answer."""
    connection.send_headers(stream, [(":status", "200"), ("content-type", kind)], end_stream=end)


def whole(connection: H2Connection, stream: int) -> None:
    """Answer, after hints, with something."""
    connection.send_headers(stream, [(":status", "103"), ("link", "x")])
    headers(connection, stream, kind="text/plain")
    connection.send_data(stream, b"all", end_stream=True)


def begun_and_reset(connection: H2Connection, stream: int) -> None:
    """Begin an answer, and reset its stream."""
    headers(connection, stream)
    connection.send_data(stream, b"", end_stream=False)
    connection.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)


def refused(connection: H2Connection, stream: int) -> None:
    """Reset a stream instead of an answer."""
    connection.reset_stream(stream, ErrorCodes.REFUSED_STREAM)


def gone(connection: H2Connection, stream: int) -> None:
    """Begin an answer, and go away."""
    headers(connection, stream)
    connection.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)


def too_long(connection: H2Connection, stream: int) -> None:
    """Begin an answer, and send a frame that is longer than anybody has allowed."""
    headers(connection, stream)
    connection._data_to_send += b"\xff\xff\xff\x00\x00" + stream.to_bytes(4)


def nonsense(connection: H2Connection, stream: int) -> None:
    """Begin an answer, and say what no server may."""
    headers(connection, stream)
    connection._data_to_send += b"\x00\x00\x00\x02\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (whole, None),
        (begun_and_reset, "the answer was reset (RST_STREAM INTERNAL_ERROR)"),
        (refused, "the answer was reset (RST_STREAM REFUSED_STREAM)"),
        (gone, "the answer was reset (GOAWAY ENHANCE_YOUR_CALM)"),
        (nonsense, "the answer was reset (it broke the rules of HTTP/2)"),
        (too_long, "the answer was reset (it broke the rules of HTTP/2)"),
    ],
)
async def test_http2(proof: Certificate, answer: object, failed: str | None) -> None:
    """Over HTTP/2 each way in which an answer ends is told apart, too."""
    found = await asked(frames(answer), proof)  # type: ignore[arg-type]
    assert found.failed == failed
    assert found.body == (b"all" if failed is None else b"")


async def test_a_server_that_leaves_in_good_order(proof: Certificate) -> None:
    """What it has taken it answers, what came later it does not, and the next request has another connection."""
    seen: list[int] = []

    def answer(connection: H2Connection, stream: int) -> None:
        seen.append(stream)
        if seen == [1, 3]:  # the second begins the first's answer, and is not answered itself
            headers(connection, 1)
            connection._data_to_send += GoAwayFrame(0, last_stream_id=1).serialize()
            connection.send_data(1, b"all", end_stream=True)
        elif len(seen) > 2:
            whole(connection, stream)

    async with server(frames(answer), proof) as target:
        line = Line(target, verify=False)
        async with line.ask(GET) as first, line.ask(GET) as second:
            assert (await first.head()).status == 200
            assert [await first.read(), await first.read()] == [b"all", b""]
            assert first.ending == Ending(How.CLEAN)
            with pytest.raises(NoAnswer, match="GOAWAY NO_ERROR"):
                await second.head()
            async with line.ask(GET) as third:
                assert (await third.head()).status == 200
        assert seen == [1, 3, 1]
        await line.close()


async def test_a_server_that_leaves_while_a_request_waits_for_its_turn(proof: Certificate) -> None:
    """The request is told so; it cannot be sent any more."""

    def answer(connection: H2Connection, stream: int) -> None:
        headers(connection, stream)
        connection._data_to_send += GoAwayFrame(0, last_stream_id=stream).serialize()

    async with server(frames(answer, {SettingCodes.MAX_CONCURRENT_STREAMS: 1}), proof) as target:
        line = Line(target, verify=False)
        connection = await line._connection()
        assert isinstance(connection, Connection2)
        asked = [asyncio.ensure_future(connection.ask(GET)) for _ in range(2)]
        first = await asked[0]
        assert (await first.head()).status == 200
        with pytest.raises(NoAnswer, match="GOAWAY NO_ERROR"):
            await asked[1]
        first.close()
        await line.close()


async def test_a_connection_that_is_reset(proof: Certificate) -> None:
    """A connection of HTTP/2 that is reset ends all that is on it."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        reset_now(writer)

    assert (await asked(talk, proof)).failed == "the answer was reset (connection reset by peer)"


async def test_after_the_end(proof: Certificate) -> None:
    """After its end an answer has nothing more, however often it is asked."""
    async with server(frames(whole), proof) as target:
        line = Line(target, verify=False)
        async with line.ask(GET) as exchange:
            await exchange.head()
            assert [await exchange.read() for _ in range(3)] == [b"all", b"", b""]
        await line.close()


async def test_large_bodies_over_http2(proof: Certificate) -> None:
    """A body is sent as the server takes it; an answer that comes before its end is good all the same."""

    def answer(connection: H2Connection, stream: int) -> None:
        headers(connection, stream, end=True, kind="text/plain")

    assert (await asked(frames(answer), proof, ask=POST)).status == 200


async def test_few_at_once_over_http2(proof: Certificate) -> None:
    """A request waits until the server takes one more."""
    talk = frames(headers, {SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    async with server(talk, proof) as target:
        line = Line(target, verify=False)
        async with line.ask(GET) as first:
            assert (await first.head()).version == "HTTP/2"
            second = asyncio.create_task(Asker(line, time.monotonic, 0.3).ask(GET))
            assert (await second).failed == "there was no whole answer within 0.3 s"
        async with line.ask(GET) as third:
            assert (await third.head()).status == 200
        await line.close()


async def test_a_connection_that_ends_before_the_answer(proof: Certificate) -> None:
    """Who waits for a place on a connection, or for an answer, is told when it ends; the next one gets a new one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
        await reader.read(10)

    assert (await asked(talk, proof)).failed == "the answer broke off in the middle"


async def test_an_answer_that_comes_before_a_body_that_nobody_reads(proof: Certificate) -> None:
    """A server that answers, and takes nothing of the body, is not waited for."""

    def answer(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", "413")], end_stream=True)

    talk = frames(answer, {SettingCodes.INITIAL_WINDOW_SIZE: 0})
    assert (await asked(talk, proof, ask=POST)).status == 413


async def test_a_server_that_stops_a_body_after_its_answer(proof: Certificate) -> None:
    """What comes for a request that is answered changes nothing about its answer (RFC 9113, section 8.1)."""

    def answer(connection: H2Connection, stream: int) -> None:
        connection.send_headers(stream, [(":status", "413")], end_stream=True)
        connection.reset_stream(stream, ErrorCodes.NO_ERROR)

    talk = frames(answer, {SettingCodes.INITIAL_WINDOW_SIZE: 0})
    found = await asked(talk, proof, ask=POST)
    assert (found.status, found.failed) == (413, None)


async def test_ids_that_are_not_ascii_over_http2(proof: Certificate) -> None:
    """An id goes back as it came, whatever its letters are."""
    ask = Ask("GET", "/", (("Last-Event-ID", "\u00e9\u2028"),))
    assert (await asked(frames(whole), proof, ask=ask)).failed is None
