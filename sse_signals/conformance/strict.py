"""What an event stream may hold, byte for byte: what the HTML standard asks for, and what a careful writer does.

The standard, section 9.2.5 "Parsing an event stream", asks for UTF-8 alone; it allows a leading byte order mark, lines
that end in different ways, and fields that nobody knows. Parsers that are not a browser's stumble over all three.
"""

from __future__ import annotations

import re
from typing import Final

_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = frozenset({b"", b"data", b"event", b"id", b"retry"})
_LINE: Final = re.compile(rb"\r\n|\r|\n")
_NAMES: Final = {b"\n": "LF", b"\r": "CR", b"\r\n": "CRLF"}
_SHOWN: Final = 40
_CHUNK: Final = re.compile(rb"[0-9A-Fa-f]+[ \t]*(;[^\r\n]*)?\r\n")


def coding(body: bytes) -> str | None:
    """Return where a stream is not the UTF-8 that the standard asks for, or None.

    Args:
        body: All of it, to the end of an event.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no UTF-8"
    return None


def careless(body: bytes) -> str | None:
    """Return what a careful writer would not do, although the standard allows it, or None.

    Args:
        body: All of a stream, to the end of an event.
    """
    if body.startswith(_BOM):
        return "it begins with a byte order mark"
    ends = sorted({_NAMES[end] for end in _LINE.findall(body)})
    if len(ends) > 1:
        return f"lines end with {' and with '.join(ends)}"
    lines = _LINE.split(body)
    for line in lines:
        name = line.partition(b":")[0]
        if name not in _FIELDS:
            return f"a line begins with {name[:_SHOWN].decode(errors='replace')!r}, which is no field"
    return None


def chunks(body: bytes) -> bool:
    """Say whether a stream begins with the size of a chunk, which is no line of any event."""
    return _CHUNK.match(body) is not None


def unended(body: bytes) -> str | None:
    """Return what is wrong with the end of a stream that has ended, or None."""
    if not body or re.search(rb"(\n\n|\r\r|\r\n\r\n)\Z", body):
        return None
    return "the last event has no end"
