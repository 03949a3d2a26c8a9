"""Answers: where they end, and what is told of them."""

from __future__ import annotations

import pytest

from sse_signals.bench.answers import closes, refuses, status, told

COMPLETE = [
    (b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}", 202),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    (b"HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n2\r\n10\r\n0\r\n\r\n", 500),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n10\r\n\r\n1\r\n0\r\n\r\n", 200),
]


@pytest.mark.parametrize(("answer", "expected"), COMPLETE)
def test_an_answer_is_complete_at_its_end_and_not_before(answer: bytes, expected: int) -> None:
    """Wherever it is cut."""
    assert status(answer) == expected
    for end in range(len(answer)):
        assert status(answer[:end]) is None


def test_what_is_no_http() -> None:
    """It has no status."""
    with pytest.raises(ValueError, match=r"HTTP/1\.1"):
        status(b"SSH-2.0\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: close", True),
        (b"HTTP/1.0 200 OK\r\nA: b", True),
        (b"HTTP/1.1 200 OK\r\nConnection: keep-alive", False),
        (b"HTTP/1.1 200 OK", False),
    ],
)
def test_connections_that_are_closed(head: bytes, expected: bool) -> None:
    """The head says so."""
    assert closes(head + b"\r\n\r\nConnection: close\r\n") is expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", "speaks no HTTP/1.1 there"),
        (b'HTTP/1.1 401 No\r\n\r\n{"detail": "Who?", "hint": "Say."}', "answered 401 Unauthorized: Who? Say."),
        (
            b'HTTP/1.1 401 No\r\n\r\n{"type": "urn:x:no-credentials", "detail": "Who?", "hint": "Say."}',
            "answered 401 Unauthorized: Who?",
        ),
        (b'HTTP/1.1 403 No\r\n\r\n{"detail": "No."}', "answered 403 Forbidden: No."),
        (b"HTTP/1.1 403 No\r\n\r\n[]", "answered 403 Forbidden: []"),
        (b"HTTP/1.1 502 Bad\r\n\r\n<head><title>x</title></head><h1>oh</h1>\r\n", "answered 502 Bad Gateway: oh"),
        (b"HTTP/1.1 299 Odd\r\n\r\n", "answered 299"),
        (b"HTTP/1.1 500 X\r\n\r\na\x1b[31m\0b", "answered 500 Internal Server Error: a [31m b"),
        (b"HTTP/1.1 308 X\r\nLocation: https://h/\r\n\r\nmoved", "answered 308 Permanent Redirect: it is at https://h/"),
        (b"HTTP/1.1 500 X\r\n\r\n" + b"a" * 300, "answered 500 Internal Server Error: " + "a" * 200 + "…"),
        (b"HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "answered 400 Bad Request: no"),
    ],
)  # fmt: skip
def test_what_is_told(answer: bytes, expected: str) -> None:
    """The status in words, and what the body says, in one line that harms no terminal."""
    assert told(answer) == expected


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        *(("full", "--streams"), ("starting", "try again"), ("shutdown", "shutting down"), ("new", "new")),
        *(("identity-streams", "_STREAMS_PER_IDENTITY"), ("address-streams", "_STREAMS_PER_ADDRESS")),
    ],
)
def test_a_goodbye(reason: str, part: str) -> None:
    """A hub that takes no stream says so on a stream, since browsers would give up otherwise."""
    body = f'retry: 1000\nevent: signals.goodbye\ndata: {{"reason":"{reason}"}}\n\n'
    answer = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n{body}\r\n0\r\n\r\n"
    assert part in told(answer.encode())


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", True),
        (b"SSH-2.0-OpenSSH\r\n", True),
        (b"220 mail\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n10\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", True),
    ],
)
def test_a_stream_is_refused_by_all_of_an_answer(answer: bytes, expected: bool) -> None:
    """Not by a part of it: what it says is to be told; a stream that ends at once is refused too."""
    assert refuses(answer) is expected
    for end in range(min(len(answer), 12)):
        assert refuses(answer[:end]) is False
    if answer.startswith(b"HTTP"):
        assert not any(refuses(answer[:end]) for end in range(len(answer)))
