"""The decoder of event streams gives what the standard says, however a stream is cut."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError
from itertools import pairwise, repeat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sse_signals.errors import InvalidInput
from sse_signals.wire.decoder import MAX_EVENT, Decoder, Message
from tests.wire.decoder_rows import BOM, ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Iterable


def read(chunks: Iterable[bytes], *, limit: int = MAX_EVENT) -> Row:
    decoder = Decoder(limit=limit)
    fed = list(chunks)
    messages = [message for data in fed for message in decoder.feed(data)]
    return Row(b"".join(fed), messages, decoder.last_event_id, decoder.retry_ms)


def single_bytes(stream: bytes) -> list[bytes]:
    return [stream[i : i + 1] for i in range(len(stream))]


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[a:b] for a, b in pairwise(bounds)]


def interpret(stream: bytes) -> Row:
    """Follow the standard's prose step by step, on a whole stream at once."""
    messages = []
    data = event = id_buffer = last_event_id = ""
    retry_ms = None
    for line in re.split("\r\n|\n|\r", stream.decode("utf-8-sig", errors="replace"))[:-1]:
        name, _, value = line.partition(":")
        value = value[1:] if value[:1] == " " else value
        if line == "":
            last_event_id = id_buffer
            if data != "":
                messages.append(Message(data[:-1], last_event_id, event or "message"))
            data = event = ""
        elif name == "event":
            event = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            id_buffer = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry_ms = int(value)
    return Row(stream, messages, last_event_id, retry_ms)


@pytest.mark.parametrize("row", ROWS)
def test_a_whole_stream(row: Row) -> None:
    """A stream that arrives in one piece gives the messages, the id and the delay of the table."""
    assert read([row.stream]) == row


@pytest.mark.parametrize("row", ROWS)
def test_every_cut_in_two(row: Row) -> None:
    """A stream gives the same wherever it is cut in two."""
    for i in range(len(row.stream) + 1):
        assert read([row.stream[:i], row.stream[i:]]) == row


@pytest.mark.parametrize("row", ROWS)
def test_byte_by_byte(row: Row) -> None:
    """A stream gives the same when each byte arrives on its own."""
    assert read(single_bytes(row.stream)) == row


@pytest.mark.parametrize("row", ROWS)
def test_empty_pieces_change_nothing(row: Row) -> None:
    """A stream gives the same with an empty piece after each byte, between the CR and the LF of a CRLF too."""
    assert read(piece for byte in single_bytes(row.stream) for piece in (byte, b"")) == row


@pytest.mark.parametrize("row", ROWS)
def test_the_table_agrees_with_the_standard(row: Row) -> None:
    """The table says what the standard's own steps give; only an absurd delay is left out of account."""
    if len(row.stream) < 4300:
        assert interpret(row.stream) == row


PIECES = st.sampled_from([
    *(b"data", b"event", b"id", b"retry", b":", b" ", b"a", b"1", b"\0"),
    *(b"\r", b"\n", b"\r\n", b"\n\n", b"data: x\n\n", b"id: 7\r\r", BOM),
    *(b"\xef", b"\xbb", b"\xbf", b"\xff", "\u2028".encode(), "\x85".encode(), "\U0001f600".encode()),
])  # fmt: skip
STREAMS = st.lists(PIECES | st.binary(max_size=3), max_size=40).map(b"".join)


@settings(deadline=None)
@given(STREAMS, st.lists(st.integers(0, 1000), max_size=12))
def test_any_chunking_of_any_stream(stream: bytes, places: list[int]) -> None:
    """Whatever the bytes and wherever they are cut, the result is that of the standard's steps on the whole."""
    expected = interpret(stream)
    assert read([stream]) == expected
    assert read(cut(stream, places)) == expected
    assert read(single_bytes(stream)) == expected


@pytest.mark.parametrize("line_end", [b"\r", b"\n", b"\r\n"])
def test_an_event_is_dispatched_at_its_last_byte(line_end: bytes) -> None:
    """An event is handed out as soon as its blank line is ended, and a CR ends it without waiting for an LF."""
    stream = b"data: a" + line_end + line_end[:1]
    decoder = Decoder()
    assert list(decoder.feed(stream[:-1])) == []
    if line_end == b"\n":
        assert list(decoder.feed(b"\n")) == [Message("a")]
    else:
        assert list(decoder.feed(b"\r")) == [Message("a")]
        assert list(decoder.feed(b"\n")) == []
        assert list(decoder.feed(b"data: b\n\n")) == [Message("b")]


def test_the_id_moves_with_the_messages() -> None:
    """While the messages of one piece are taken out, the resume id is that of the one taken last, not of the piece."""
    decoder = Decoder()
    messages = decoder.feed(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c")
    assert [(next(messages).data, decoder.last_event_id) for _ in range(2)] == [("a", "1"), ("b", "2")]
    assert list(messages) == []
    assert decoder.last_event_id == "2"


def test_a_resumed_response_goes_on_from_its_id() -> None:
    """Until a response brings an id of its own, the resume id is the one it was asked to resume after."""
    decoder = Decoder(last_event_id="e-1")
    assert list(decoder.feed(b"data: a\n\nid: e-2")) == [Message("a", "e-1")]
    assert decoder.last_event_id == "e-1"
    assert list(decoder.feed(b"\n\n")) == []
    assert decoder.last_event_id == "e-2"


def test_a_message_is_a_plain_value() -> None:
    """A message is named ``message`` by default, is equal to its like, and cannot be changed."""
    message = Message(data="a", last_event_id="1")
    assert message == Message("a", "1", "message")
    with pytest.raises(FrozenInstanceError):
        message.data = "b"  # type: ignore[misc]
    assert not hasattr(message, "__dict__")


WITHIN_LIMIT = [
    pytest.param(b"data: 3456\n\n", id="one line of 10"),
    pytest.param(BOM + b"data:89\n\n", id="the BOM counts with its line"),
    pytest.param(b"data\ndata\ndata:890\n\n", id="data lines add up, each with its line feed"),
    pytest.param(b": 34567890\n" * 3 + b"\n", id="comments do not add up"),
    pytest.param(b"data: 3456\n\n" * 3, id="each event starts anew"),
    pytest.param(b"id: 567890\nevent: 890\nretry: 890\n\n", id="fields that replace each other do not add up"),
]
BEYOND_LIMIT = [
    pytest.param(b"data: 34567", id="a line without end"),
    pytest.param(b"data: 34567\n", id="a line with its end"),
    pytest.param(b": 345678901", id="a comment"),
    pytest.param(b"data\n" * 7 + b"data", id="data lines without end"),
    pytest.param(b"id: 1\ndata:\n: 34567890", id="a comment within an event"),
    pytest.param(b"12345678901\xff\0", id="no field at all"),
]


@pytest.mark.parametrize("stream", WITHIN_LIMIT)
def test_events_up_to_the_limit_are_read(stream: bytes) -> None:
    """A limit of 10 bytes lets events through that never need more than 10 bytes to be held."""
    expected = interpret(stream)
    assert read([stream], limit=10) == expected
    assert read(single_bytes(stream), limit=10) == expected


@pytest.mark.parametrize("stream", BEYOND_LIMIT)
def test_an_event_beyond_the_limit_is_an_error(stream: bytes) -> None:
    """An event that needs more than 10 bytes is refused however it is cut, and those before it are still handed out."""
    before = b"id: 1\ndata: ok\n\n"
    for chunks in ([before + stream], [before, stream], single_bytes(before + stream), cut(before + stream, [9, 20])):
        decoder = Decoder(limit=10)
        messages = (message for data in chunks for message in decoder.feed(data))
        assert next(messages) == Message("ok", "1")
        with pytest.raises(InvalidInput, match=r"longer than 10 bytes\. Read it with a higher limit\."):
            next(messages)
        assert decoder.last_event_id == "1"


def test_the_limit_unless_told_otherwise() -> None:
    """Without an argument an event may take 1 MiB and not a byte more."""
    line = b"data: " + b"x" * (1024 * 1024 - 6)
    assert [len(message.data) for message in read([line, b"\n\n"]).messages] == [1024 * 1024 - 6]
    with pytest.raises(InvalidInput, match="longer than 1048576 bytes"):
        list(Decoder().feed(line + b"x"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", [b"x" * 128, b"x" * 121 + b"\ndata: "], ids=["one line", "many lines"])
def test_the_cost_of_a_long_event_is_linear(piece: bytes) -> None:
    """An event of 32 MB in pieces of 128 bytes is read in seconds: held bytes are not copied again for each piece."""
    pieces = 250_000
    decoder = Decoder(limit=2**25)
    for data in (b"data: ", *repeat(piece, pieces)):
        assert not list(decoder.feed(data))
    (message,) = decoder.feed(b"\n\n")
    assert message.data == piece.decode().replace("data: ", "") * pieces
