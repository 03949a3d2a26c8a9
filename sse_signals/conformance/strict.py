"""What an event stream may hold, byte for byte, more strictly than parsers are.

The rules are those of the HTML standard, section 9.2.5 "Parsing an event stream", and what a careful writer does.
"""

from __future__ import annotations

import re
from typing import Final

_BOM: Final = b"\xef\xbb\xbf"
_FIELDS: Final = frozenset({b"", b"data", b"event", b"id", b"retry"})
_LINE: Final = re.compile(rb"\r\n|\r|\n")
_NAMES: Final = {b"\n": "LF", b"\r": "CR", b"\r\n": "CRLF"}
_SHOWN: Final = 40


def fault(body: bytes) -> str | None:
    """Return what is wrong with a stream so far, or None.

    Args:
        body: All of it, to the end of an event.
    """
    if body.startswith(_BOM):
        return "it begins with a byte order mark"
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} is no UTF-8"
    ends = sorted({_NAMES[end] for end in _LINE.findall(body)})
    if len(ends) > 1:
        return f"lines end with {' and with '.join(ends)}"
    lines = _LINE.split(body)
    for line in lines:
        name = line.partition(b":")[0]
        if name not in _FIELDS:
            return f"a line begins with {name[:_SHOWN].decode()!r}, which is no field"
    return None


def unended(body: bytes) -> str | None:
    """Return what is wrong with the end of a stream that has ended, or None."""
    if not body or re.search(rb"(\n\n|\r\r|\r\n\r\n)\Z", body):
        return None
    return "the last event has no end"
