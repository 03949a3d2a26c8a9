"""What is told of answers that are none, of bodies that end early, and of hubs that hang."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from sse_signals.conformance.catalogue import chosen
from sse_signals.conformance.connection import Connection, Head, reason
from sse_signals.conformance.outcome import Case, Failed, Result, Verdict
from sse_signals.conformance.run import try_all
from sse_signals.conformance.stream import at, resumed
from sse_signals.errors import ConfigurationError
from tests.conformance.runs import hub_at
from tests.conformance.scripted import scripted

OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
REQUEST = b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "then", "seen"),
    [
        (b"SSH-2.0-x\r\n\r\n", "close", "the answer begins with 'SSH-2.0-x', which is no HTTP/1"),
        (b"HTTP/2 200\r\n\r\n", "close", "which is no HTTP/1"),
        (b"", "close", "it hung up without an answer"),
        (b"HTTP/1.1 200 OK\r\n", "close", "it hung up without an answer"),
        (b"", "reset", "it hung up without an answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 60_000, "wait", "the head of the answer has no end"),
        (b"", "wait", "a stream has no answer within 0.2 s"),
    ],
)
async def test_what_is_no_answer(answer: bytes, then: str, seen: str) -> None:
    """It is told as what it is, and nobody waits for ever."""
    async with scripted(answer, then=then, patience=0.2 if then == "wait" else 5.0) as hub:
        with pytest.raises(Failed) as caught:
            await hub.open("a")
    assert seen in str(caught.value)


async def test_requests_are_waited_for_as_long_as_streams() -> None:
    """A hub that does not answer holds nobody up."""
    async with scripted(b"", then="wait", patience=0.1) as hub:
        for asking in (hub.ask(REQUEST), hub.head(REQUEST), hub.publish("a", "b")):
            with pytest.raises(Failed, match=r"no answer within 0\.1 s"):
                await asking


@pytest.mark.parametrize(
    ("answer", "body", "clean"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcd", b"abc", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", b"abc", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nabc", b"", True),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 204 No Content\r\n\r\nabc", b"", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nabc" % (b"9" * 5000), b"abc", True),
        (OPEN + b"3\r\nabc\r\n0\r\n\r\n", b"abc", True),
        (OPEN + b"3\r\nabc\r\n", b"abc", False),
        (OPEN + b"5\r\nab", b"ab", False),
    ],
)
async def test_a_body_ends_as_its_framing_says(answer: bytes, body: bytes, clean: bool) -> None:
    """What ends otherwise is not clean, and what comes after the end is no part of it."""
    async with scripted(answer) as hub:
        connection = await hub.connect()
        await connection.send(REQUEST)
        await connection.head()
        assert await connection.body() == body
        assert connection.ended
        assert connection.clean is clean
        connection.close()


async def test_a_body_that_is_not_in_chunks() -> None:
    """A head that says otherwise is told to be wrong."""
    async with scripted(OPEN + b"data: x\n\n\r\n") as hub, hub.stream("a") as stream:
        with pytest.raises(Failed, match="not in chunks although its head says so"):
            await stream.take(1)


async def test_a_connection_that_is_reset_has_ended() -> None:
    """It is no end as HTTP has it, and no error of this program either."""
    reader = asyncio.StreamReader()
    connection = Connection(reader, mock.Mock())
    reader.feed_data(OPEN)
    await connection.head()
    reader.set_exception(ConnectionResetError())
    assert await connection.piece() == b""
    assert (connection.ended, connection.clean, connection.gone) == (True, False, True)


async def test_connections_are_used_again_where_that_is_allowed() -> None:
    """One that was closed meanwhile, or whose end was announced, is not."""
    kept = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
    async with scripted(kept, kept, kept.replace(b"Content", b"Connection: close\r\nContent")) as hub:
        for count in (1, 1, 0):  # the server closes each after its answer
            assert (await hub.ask(REQUEST)).status == 202
            assert len(hub._idle) == count
            async with asyncio.timeout(5):
                while not all(connection.gone for connection in hub._idle):  # noqa: ASYNC110 - it does not tell
                    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("chunks", "seen"),
    [
        (b"6\r\ndata: \r\n0\r\n\r\n", "the stream ended before the message came"),
        (b"%x\r\n%b\r\n" % (5_000_000, b"data: ".ljust(5_000_000, b"x")), "longer than 4194304 bytes"),
    ],
)
async def test_streams_that_bring_nothing(chunks: bytes, seen: str) -> None:
    """An end, and an event without an end, are told."""
    async with scripted(OPEN + chunks, then="wait") as hub, hub.stream("a") as stream:
        with pytest.raises(Failed, match=seen):
            await stream.take(1)


async def test_a_status_that_is_not_wanted_is_told() -> None:
    """A stream that is refused is no stream, unless that is what one is looking for."""
    async with scripted(b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n") as hub:
        with pytest.raises(Failed, match="a stream is answered with 503"):
            await hub.open("a")
        async with hub.stream("a", any_status=True) as stream:
            assert stream.head.status == 503
        with pytest.raises(Failed, match="a publish is answered with 503"):
            await hub.publish("a", "b")


def test_heads_are_read_as_lists_whatever_their_case() -> None:
    """Several headers of one name are one list."""
    head = Head.parse(b"HTTP/1.1 200 OK\r\nVARY: Origin\r\nVary:Cookie,  \r\nX\r\n\r\n")
    assert (head.version, head.status) == ("1.1", 200)
    assert head.get("vary") == "Origin, Cookie,"
    assert head.items("vary") == {"origin", "cookie"}
    assert head.get("nothing") == ""
    assert head.items("nothing") == set()


async def test_slow_readers_let_go_of_their_sockets_where_they_cannot_connect() -> None:
    """A connection that does not come about leaves nothing behind."""
    hub = hub_at("http://127.0.0.1:1", "nchan")
    for connecting in (Connection.to(hub.requests.address, None, receive_buffer=4096), hub.ask(REQUEST)):
        with pytest.raises(ConnectionRefusedError):
            await connecting


async def test_a_case_has_a_deadline_and_a_broken_connection_is_a_failure() -> None:
    """Nothing that a hub does ends or hangs a run."""

    async def hangs(_: object) -> str:
        await asyncio.Event().wait()
        return "never"

    async def breaks(_: object) -> str:
        raise ConnectionResetError(104, "some words")

    async def surprises(_: object) -> str:
        raise UnicodeEncodeError("latin-1", "\u2028", 0, 1, "ordinal not in range(256)" * 20)

    async def unsaid(_: object) -> str:
        raise ConfigurationError("'X-Topic' holds characters that cannot be sent in a header.")

    results: list[Result] = []
    cases = [
        Case("a", "hangs", "", "", hangs),
        Case("a", "breaks", "", "", breaks, alone=True),
        Case("a", "surprises", "", "", surprises, alone=True),
        Case("a", "unsaid", "", "", unsaid, alone=True),
    ]
    await try_all(hub_at("http://127.0.0.1:1", "nchan", patience=0.01), cases, results.append)
    assert [(result.verdict, result.seen[:120]) for result in results] == [
        (Verdict.FAIL, "it was not done after 0.08 s"),
        (Verdict.FAIL, "the connection failed: Connection reset by peer"),
        (Verdict.FAIL, results[2].seen[:120]),
        (Verdict.NOT_TRIED, "it cannot be asked for: 'X-Topic' holds characters that cannot be sent in a header."),
    ]
    assert results[2].seen.startswith("what came was not foreseen: UnicodeEncodeError: 'latin-1' codec can't encode")
    assert len(results[2].seen) == 200


async def test_what_is_not_offered_is_not_tried() -> None:
    """A group or a case that the description names is not touched, and not a failure."""
    results: list[Result] = []
    hub = hub_at("http://127.0.0.1:1", "nchan", not_offered=frozenset({"cors", "http.head"}))
    await try_all(hub, chosen(["cors", "http.head"]), results.append)
    assert {result.verdict for result in results} == {Verdict.NOT_OFFERED}


def test_reasons_of_connections_are_words() -> None:
    """Python's own words for some of them are for programmers."""
    assert reason(ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)")) == "Connection refused"
    assert reason(OSError("several of them")) == "several of them"
    assert reason(OSError(-2, "Name or service not known")) == "Name or service not known"


@pytest.mark.parametrize(
    ("text", "pointer", "value"),
    [('{"a":{"b":[1,2]}}', "/a/b/1", 2), ('{"a/b":{"c~d":3}}', "/a~1b/c~0d", 3), ("[null]", "/0", None)],
)
def test_json_pointers(text: str, pointer: str, value: object) -> None:
    """Members, items and escapes are those of RFC 6901."""
    assert at(text, pointer) == value


@pytest.mark.parametrize("text", ["{", "1", "[]", '{"b":1}', '"a"', "null", "[" * 100_000])
def test_what_a_pointer_does_not_find_is_told(text: str) -> None:
    """Whatever the text is, nothing breaks."""
    with pytest.raises(Failed, match="there is no /a in"):
        at(text, "/a")


@pytest.mark.parametrize(
    ("expected", "came", "seen"),
    [
        (["a", "b"], ["a", "b"], None),
        (["a", "b"], ["b", "a"], "the order is another"),
        (["a", "b"], ["a"], "1 of 2 lost"),
        (["a", "b"], ["a", "a", "b", "b", "b"], "3 came twice"),
        (["a"], ["a", "c", "c"], "2 came that should not"),
        (["a", "b"], ["c", "b", "b"], "1 of 2 lost, 1 came twice, 1 came that should not"),
    ],
)
def test_how_what_came_differs(expected: list[str], came: list[str], seen: str | None) -> None:
    """What is lost, repeated, foreign or in another order is counted."""
    assert resumed(expected, came) == seen
