"""Bodies in HTTP chunks, taken out of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.bench.chunks import Chunks

PIECES = st.lists(st.integers(1, 40), min_size=1)


@given(st.lists(st.binary(min_size=1, max_size=60)), PIECES, st.booleans(), st.sampled_from([b"", b";name=value"]))
def test_every_body_comes_out_however_it_arrives(
    bodies: list[bytes], pieces: list[int], ends: bool, extension: bytes
) -> None:
    """What is put into chunks comes out again, whatever they hold and wherever the reads cut them."""
    text = b"".join(b"%x%b\r\n%b\r\n" % (len(body), extension, body) for body in bodies) + b"0\r\n\r\n" * ends
    chunks, found, at = Chunks(), b"", 0
    while at < len(text):
        piece = pieces[at % len(pieces)]
        found += chunks.feed(text[at : at + piece])
        at += piece
    assert found == b"".join(bodies)
    assert chunks.ended == ends


def test_nothing_comes_after_the_end() -> None:
    """What a server sends after its last chunk is no part of the body."""
    chunks = Chunks()
    assert chunks.feed(b"1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n") == b"a"
    assert chunks.feed(b"3\r\nabc\r\n") == b""
    assert chunks.ended


def test_what_is_not_in_chunks_is_refused() -> None:
    """A body that only says that it comes in chunks is found out at its first line."""
    with pytest.raises(ValueError, match="invalid literal"):
        Chunks().feed(b"data: hello\r\n\r\n")
