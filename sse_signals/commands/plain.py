"""Text from elsewhere, so that a terminal only shows it: what steers a terminal, or hides, becomes visible."""

from __future__ import annotations

import json
import unicodedata
from itertools import accumulate, takewhile
from typing import Any, Final

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, invisible formatting, surrogates, separators
_WIDE: Final = frozenset({"W", "F"})
ELLIPSIS: Final = "…"


def plain(text: str, *, keep: str = "") -> str:
    r"""Return a text with each character that cannot be seen written as Python would: ``\x1b``, ``\u202e``.

    Args:
        text: Anything.
        keep: Characters that stay as they are, such as a line feed.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in keep or unicodedata.category(char) not in _STEERING else ascii(char)[1:-1] for char in text
    )


def json_line(value: Any) -> str:
    """Return a value as JSON in one line of visible ASCII, which a terminal only shows, too."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def plain_json(text: str) -> str:
    r"""Return a JSON text in one line that means the same, with each character that cannot be seen as ``\uXXXX``.

    Args:
        text: JSON without white space between its values, so that such characters stand in strings only.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if unicodedata.category(char) not in _STEERING else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def columns_of(text: str) -> int:
    """Return how many columns a text takes in a terminal: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns, with an ellipsis where something is left out."""
    if columns_of(text) <= columns:
        return text
    ends = accumulate(_width(char) for char in text)
    kept = sum(1 for _ in takewhile(lambda end: end < columns, ends))
    return text[:kept] + ELLIPSIS if columns > 0 else ""


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1
