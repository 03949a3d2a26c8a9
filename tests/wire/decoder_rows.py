"""Streams and what a decoder makes of them: one table a section of the standard."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from sse_signals.wire.decoder import Message

BOM = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """A stream, and what a decoder has made of it at its end."""

    stream: bytes
    messages: list[Message]
    last_event_id: str = ""
    retry_ms: int | None = None


LINE_ENDS = {
    "LF": Row(b"data: a\n\n", [Message("a")]),
    "CRLF": Row(b"data: a\r\n\r\n", [Message("a")]),
    "CR": Row(b"data: a\r\r", [Message("a")]),
    "every mixture": Row(
        b"data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\n\rdata: e\n\n",
        [Message("a\nb\nc"), Message("d"), Message("e")],
    ),
    "LF CR is two line ends": Row(b"data: a\n\rdata: b\n\n", [Message("a"), Message("b")]),
    "CR CRLF is two line ends": Row(b"data: a\r\r\ndata: b\n\n", [Message("a"), Message("b")]),
    "CRLF CRLF CRLF dispatches once": Row(b"data: a\r\n\r\n\r\n", [Message("a")]),
    "others are data": Row(
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        [Message("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\x1dh\x1ei")],
    ),
}

FIELDS = {
    "all of them": Row(
        b"retry: 2683\nevent: x\nid: e-1\ndata: a\n\n", [Message("a", "e-1", "x")], last_event_id="e-1", retry_ms=2683
    ),
    "one space is stripped": Row(
        b"data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\ndata: e \n\n",
        [Message("a"), Message("b"), Message(" c"), Message("\td"), Message("e ")],
    ),
    "colons in a value": Row(b"data: a: b:c\n\ndata:: d\n\n", [Message("a: b:c"), Message(": d")]),
    "data lines are joined": Row(b"data: a\ndata:\ndata: b\ndata\n\n", [Message("a\n\nb\n")]),
    "data without colon": Row(b"data\n\n", [Message("")]),
    "empty data": Row(b"data:\n\ndata: \n\n", [Message(""), Message("")]),
    "two empty data lines": Row(b"data\ndata\n\n", [Message("\n")]),
    "unknown names": Row(b"Data: a\ndatas: b\ndata : c\n data: d\n\xff: e\nf\n\n", []),
    "order does not matter": Row(b"data: a\nid: 1\nevent: x\ndata: b\n\n", [Message("a\nb", "1", "x")], "1"),
    "comments": Row(b": a\ndata: b\n:\n:data: c\n\n: d\n\n", [Message("b")]),
    "a comment does not end an event": Row(b"data: a\n: hb\ndata: b\n\n", [Message("a\nb")]),
    "the last event name counts": Row(b"event: x\nevent: y\ndata: a\n\n", [Message("a", "", "y")]),
    "the event name is reset": Row(b"event: x\ndata: a\n\ndata: b\n\n", [Message("a", "", "x"), Message("b")]),
    "the event name is reset without data": Row(b"event: x\n\ndata: a\n\n", [Message("a")]),
    "an empty event name is none": Row(b"event: x\nevent\ndata: a\n\n", [Message("a")]),
}

IDS = {
    "persists": Row(b"id: 1\ndata: a\n\ndata: b\n\n", [Message("a", "1"), Message("b", "1")], "1"),
    "moves without data": Row(b"id: 1\n\ndata: a\n\n", [Message("a", "1")], "1"),
    "moves alone": Row(b"id: 1\ndata: a\n\nid: 2\n\n", [Message("a", "1")], "2"),
    "moves with a comment": Row(b"id: 1\n: x\n\n", [], "1"),
    "is reset by an empty one": Row(b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Message("a", "1"), Message("b")]),
    "with NUL is ignored": Row(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", [Message("a", "1"), Message("b", "1")], "1"),
    "with NUL leaves its predecessor": Row(b"id: 1\nid: \0\ndata: a\n\n", [Message("a", "1")], "1"),
    "the last counts": Row(b"id: 1\nid: 2\ndata: a\n\n", [Message("a", "2")], "2"),
    "beyond ASCII": Row("id: \u00fc\u2028\ndata: a\n\n".encode(), [Message("a", "\u00fc\u2028")], "\u00fc\u2028"),
}

RETRY = {
    "digits": Row(b"retry: 1500\n", [], retry_ms=1500),
    "zero": Row(b"retry:0\n", [], retry_ms=0),
    "leading zeros": Row(b"retry: 007\n", [], retry_ms=7),
    "the last counts": Row(b"retry: 1\nretry: 2\n\n", [], retry_ms=2),
    "empty": Row(b"retry: 1\nretry\nretry:\n", [], retry_ms=1),
    "sign": Row(b"retry: +1\nretry: -1\n", []),
    "spaces": Row(b"retry:  1\nretry: 1 \n", []),
    "other numerals": Row("retry: \u0661\u0662\nretry: 1.5\nretry: 0x1\nretry: 1_0\n".encode(), []),
    "too many digits to count with": Row(b"retry: 5\nretry: " + b"9" * 5000 + b"\n", [], retry_ms=5),
}

ENCODING = {
    "BOM": Row(BOM + b"data: a\n\n", [Message("a")]),
    "one BOM only": Row(BOM + BOM + b"data: a\n\ndata: b\n\n", [Message("b")]),
    "BOM later": Row(b"data: a\n\n" + BOM + b"data: b\ndata: " + BOM + b"c\n\n", [Message("a"), Message("\ufeffc")]),
    "BOM before a line end": Row(BOM + b"\ndata: a\n\n", [Message("a")]),
    "BOM alone": Row(BOM, []),
    "half a BOM": Row(b"\xef\xbbdata: a\n\ndata: b\n\n", [Message("b")]),
    "characters of 2, 3 and 4 bytes": Row(
        "data: \u00fc\u20ac\U0001f600\n\n".encode(), [Message("\u00fc\u20ac\U0001f600")]
    ),
    "bytes that are no UTF-8": Row(b"data: a\xffb\xc3\ndata: \xe2\x82\n\n", [Message("a\ufffdb\ufffd\n\ufffd")]),
    "surrogates and overlong forms": Row(
        b"data: \xed\xa0\x80 \xc0\x80\n\n", [Message("\ufffd" * 3 + " " + "\ufffd" * 2)]
    ),
    "in id and event": Row(b"id: \xff\nevent: \xfe\ndata: a\n\n", [Message("a", "\ufffd", "\ufffd")], "\ufffd"),
    "NUL in data and event": Row(b"event: x\0\ndata: a\0\n\n", [Message("a\0", "", "x\0")]),
}

UNFINISHED = {
    "nothing": Row(b"", []),
    "blank lines": Row(b"\n\r\n\r\n\n", []),
    "no line end": Row(b"data: a", []),
    "no blank line": Row(b"data: a\n", []),
    "after an event": Row(b"id: 1\ndata: a\n\nid: 2\nevent: x\ndata: b\n", [Message("a", "1")], "1"),
    "half a field": Row(b"data: a\n\nid: 2", [Message("a")]),
}

# The examples of the HTML standard, section 9.2.6.
STANDARD = {
    "stocks": Row(b"data: YHOO\ndata: +2\ndata: 10\n\n", [Message("YHOO\n+2\n10")]),
    "four blocks": Row(
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [Message("first event", "1"), Message("second event"), Message(" third event")],
    ),
    "two and a half": Row(b"data\n\ndata\ndata\n\ndata:", [Message(""), Message("\n")]),
    "two identical": Row(b"data:test\n\ndata: test\n\n", [Message("test"), Message("test")]),
}

# The wire of this package, as the hub writes it.
HUB = {
    "a stream": Row(
        b'retry: 2683\nevent: signals.open\nid: 7k2m9xq4-1041\ndata: {"protocol":1}\n\n'
        b'id: 7k2m9xq4-1042\ndata: {"message":{"test":"test"}}\n\n'
        b": hb\n"
        b"event: signals.heartbeat\nid: 7k2m9xq4-1050\ndata: {}\n\n"
        b'event: signals.goodbye\ndata: {"reason":"draining"}\n\n',
        [
            Message('{"protocol":1}', "7k2m9xq4-1041", "signals.open"),
            Message('{"message":{"test":"test"}}', "7k2m9xq4-1042"),
            Message("{}", "7k2m9xq4-1050", "signals.heartbeat"),
            Message('{"reason":"draining"}', "7k2m9xq4-1050", "signals.goodbye"),
        ],
        "7k2m9xq4-1050",
        2683,
    ),
}

TABLES = {
    "line ends": LINE_ENDS,
    "fields": FIELDS,
    "ids": IDS,
    "retry": RETRY,
    "encoding": ENCODING,
    "unfinished": UNFINISHED,
    "standard": STANDARD,
    "hub": HUB,
}
ROWS = [pytest.param(row, id=f"{table}: {what}") for table, rows in TABLES.items() for what, row in rows.items()]
