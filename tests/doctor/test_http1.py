"""HTTP/1.1 out of bytes."""

from __future__ import annotations

import pytest

from sse_signals.doctor.exchange import Ask, Ending, Head, How, NoAnswer
from sse_signals.doctor.http1 import Body, head, request

CHUNKED = Head(200, (("transfer-encoding", "chunked"),))


def test_request() -> None:
    """A request has its host, its headers, and the length of its body, if it may have one."""
    get = Ask("GET", "/signals/stream", [("Accept", "text/event-stream")])
    assert (
        request(get, "hub:8080")
        == b"GET /signals/stream HTTP/1.1\r\nHost: hub:8080\r\nAccept: text/event-stream\r\n\r\n"
    )
    again = request(Ask("GET", "/", [("Last-Event-ID", "\u00e9\u2028")]), "h")
    assert b"Last-Event-ID: \xc3\xa9\xe2\x80\xa8\r\n" in again  # in UTF-8, as browsers send it
    assert request(Ask("POST", "/", (), b"12"), "h").endswith(b"Content-Length: 2\r\n\r\n12")
    assert request(Ask("POST", "/"), "h").endswith(b"Content-Length: 0\r\n\r\n")


def test_head() -> None:
    """A head has a status, a version, and all its headers in lower case, repeated ones too."""
    found = head(b"HTTP/1.0 503 Service Unavailable\r\nVary: a\r\nVARY:  b \r\nEmpty:\r\n")
    assert found == Head(503, (("vary", "a"), ("vary", "b"), ("empty", "")), "HTTP/1.0")
    assert (found.get("vary"), found.all("vary"), found.get("none")) == ("a, b", ("a", "b"), "")


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH", b"HTTP/2 200", b"HTTP/1.1 999 x", b"\xff\xfe"])
def test_no_head(raw: bytes) -> None:
    """What is no HTTP is no answer."""
    with pytest.raises(NoAnswer, match="no HTTP"):
        head(raw)


@pytest.mark.parametrize("size", range(1, 12))
def test_chunks_in_pieces(size: int) -> None:
    """Chunks come out the same however they are cut, with extensions and trailers, and nothing after their end."""
    raw = b"5;a=b\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\nTrailer: x\r\n\r\nmore"
    body = Body(CHUNKED)
    pieces = [body.feed(raw[place : place + size]) for place in range(0, len(raw), size)]
    assert b"".join(pieces) == b"hello world"
    assert body.end() == Ending(How.CLEAN)


@pytest.mark.parametrize("raw", [b"hello\r\n", b"x" * 2000])
def test_no_chunk(raw: bytes) -> None:
    """What is no chunk ends the answer."""
    with pytest.raises(NoAnswer, match="no HTTP"):
        Body(CHUNKED).feed(raw)


@pytest.mark.parametrize(
    ("head", "data", "taken", "how"),
    [
        (Head(200, (("content-length", "4"),)), b"12345", b"1234", How.CLEAN),
        (Head(200, (("content-length", "4"),)), b"12", b"12", How.INCOMPLETE),
        (Head(200, (("content-length", "0"),)), b"", b"", How.CLEAN),
        (Head(204), b"", b"", How.CLEAN),
        (Head(200), b"all", b"all", How.CLOSED),
        (CHUNKED, b"2\r\nab\r\n", b"ab", How.INCOMPLETE),
        (CHUNKED, b"4\r\nab", b"ab", How.INCOMPLETE),
    ],
)
def test_ends(head: Head, data: bytes, taken: bytes, how: How) -> None:
    """A body that is whole, one that broke off, and one of which nobody can tell, are told apart."""
    body = Body(head)
    assert body.feed(data) == taken
    assert body.end() == Ending(how)


def test_endings_in_words() -> None:
    """An ending is the end of a sentence."""
    assert str(Ending(How.RESET, "GOAWAY NO_ERROR")) == "was reset (GOAWAY NO_ERROR)"
    assert str(Ending(How.CLEAN)) == "ended properly"
