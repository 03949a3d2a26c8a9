"""Ids that nobody gave, and what a stream may hold."""

from __future__ import annotations

import pytest

from sse_signals.conformance import strict
from sse_signals.conformance.strange import GARBAGE, another_log, future, is_count, is_numbers, never_given


@pytest.mark.parametrize(
    ("real", "log", "never", "later"),
    [
        ("7k2m9xq4-1041", "8l3n0yr5-1041", "6j1l8wp3-0930", "7k2m9xq4-1001041"),
        ("1764400000:9", "2875511111:9", "0653399999:8", "1764400000:1000009"),
        ("Zz-é", "Aa-é", "Yy-é", "Zz-é9"),
        ("", GARBAGE, GARBAGE, "9"),
    ],
)
def test_ids_that_nobody_gave_keep_the_form_of_real_ones(real: str, log: str, never: str, later: str) -> None:
    """Letters become letters, digits digits, and what stands between stays."""
    assert another_log(real) == log
    assert never_given(real) == never
    assert future(real) == later


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"retry: 1\nevent: a\nid: 1\ndata: x\ndata\n: comment\n\n", None),
        (b"data: x\r\n\r\n", None),
        (b"data: x\r\r", None),
        (b"", None),
        (b"\xef\xbb\xbfdata: x\n\n", "it begins with a byte order mark"),
        (b"data: \xe4\n\n", None),
        (b"data: x\r\n\n", "lines end with CRLF and with LF"),
        (b"data: x\rdata: y\n\n", "lines end with CR and with LF"),
        (b"data: x\nmore\n\n", "a line begins with 'more', which is no field"),
        (b"\xe4\ndata: x\n\n", "a line begins with '\ufffd', which is no field"),
    ],
)
def test_what_a_careful_writer_writes(body: bytes, wrong: str | None) -> None:
    """Fields that the standard knows, without a mark, in lines of one kind."""
    assert strict.careless(body) == wrong


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", None),
        (b"\xef\xbb\xbfdata: x\r\nmore\n\n", None),
        (b"data: \xe4\n\n", "byte 6 is no UTF-8"),
        (b"data: \xed\xa0\x80\n\n", "byte 6 is no UTF-8"),
    ],
)
def test_what_the_standard_asks_of_bytes(body: bytes, wrong: str | None) -> None:
    """UTF-8, and nothing else."""
    assert strict.coding(body) == wrong


@pytest.mark.parametrize(
    ("body", "are"),
    [
        (b"1a\r\ndata: x\n\n\r\n0\r\n\r\n", True),
        (b"F;a=b\r\n", True),
        (b"data: x\r\n", False),
        (b"1a\n", False),
        (b"\xef\xbb\xbf:\r\n", False),
        (b"", False),
    ],
)
def test_chunks_are_told_from_lines(body: bytes, are: bool) -> None:
    """A number of hexadecimal digits alone in a first line is none of a stream."""
    assert strict.chunks(body) is are


@pytest.mark.parametrize(
    ("event_id", "count", "numbers"),
    [
        ("57", True, True),
        ("é57;", True, True),
        ("1f", True, False),
        ("1764400000123456789", True, True),
        ("1764400000:9", False, True),
        ("7k2m9xq4-1041", False, False),
        ("01jdq3k9", False, False),
        ("", False, False),
        ("é", False, False),
    ],
)
def test_counts_and_numbers_are_told_from_other_ids(event_id: str, count: bool, numbers: bool) -> None:
    """Of a count every earlier id may be real, and numbers may stand for any place."""
    assert is_count(event_id) is count
    assert is_numbers(event_id) is numbers


@pytest.mark.parametrize("body", [b"", b"data: x\n\n", b"data: x\r\n\r\n", b"data: x\r\r"])
def test_a_stream_ends_after_an_event(body: bytes) -> None:
    """An empty line, of whichever kind, is the end of an event."""
    assert strict.unended(body) is None


@pytest.mark.parametrize("body", [b"data: x", b"data: x\n", b"data: x\r\n", b"\ndata: x\n"])
def test_a_stream_that_ends_within_an_event_is_told(body: bytes) -> None:
    """No client would dispatch what has no end."""
    assert strict.unended(body) == "the last event has no end"
