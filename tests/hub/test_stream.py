from __future__ import annotations

import pytest

from sse_signals.hub.stream import HIGH_WATER
from tests.fakes import Client, Network


@pytest.fixture
def client() -> Client:
    """A stream that is not open."""
    return Network().client()


@pytest.mark.parametrize(
    ("buffered", "size", "taken"),
    [
        (0, HIGH_WATER * 4, True),
        (1, HIGH_WATER - 1, True),
        (1, HIGH_WATER, False),
        (HIGH_WATER, 0, True),
        (HIGH_WATER, 1, False),
        (HIGH_WATER * 2, 1, False),
    ],
)
def test_the_buffer_is_looked_at_before_the_write(client: Client, buffered: int, size: int, taken: bool) -> None:
    """Anything goes into an empty buffer; one that holds something never grows over the high-water mark."""
    client.transport.capacity = 0
    if buffered:
        client.stream.write(b"a" * buffered)
    assert client.stream.write(b"b" * size) is taken
    assert client.transport.get_write_buffer_size() == buffered + size * taken
    assert client.stream.size == buffered + size * taken


def test_a_write_that_is_not_taken_ends_nothing(client: Client) -> None:
    """A full connection is no fault: the stream lives, and its owner is not told twice."""
    client.transport.capacity = 0
    client.stream.write(b"a" * HIGH_WATER)
    assert not client.stream.write(b"b")
    assert client.stream.ended is None
    assert not client.notified


@pytest.mark.parametrize("broken", [OSError("reset"), RuntimeError("the handler is closed"), None])
def test_a_dead_connection_ends_the_stream(client: Client, broken: Exception | None) -> None:
    """If it says that it is closing or fails in the write: the stream ends, with the reason, and counts no byte."""
    client.transport.broken = broken
    client.transport.closing = broken is None
    assert not client.stream.write(b"a")
    assert client.stream.ended == "client-gone"
    assert (client.notified, client.stream.size) == (1, 0)


def test_the_first_reason_stands(client: Client) -> None:
    """However often it is ended, the record says why it really did."""
    client.stream.end("shutdown")
    client.stream.end("client-gone")
    client.stream.abort("send-timeout")
    assert client.stream.ended == "shutdown"
    assert client.notified == 1
    assert client.transport.aborted
