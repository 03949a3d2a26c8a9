"""Text from elsewhere, so that a terminal only shows it: what steers a terminal, or hides, becomes visible."""

from __future__ import annotations

import json
import unicodedata
from itertools import accumulate, takewhile
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, invisible formatting, surrogates, separators
_MARKS: Final = frozenset({"Mn", "Me"})  # take no column, but stand on the character before them
_UNSEEN: Final = frozenset(  # by other categories, and yet nothing is seen of them: fillers, joiners, blank symbols
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159"
)
_VARIANTS: Final = (range(0x180B, 0x1810), range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))  # of what stands before them
_AS_PICTURE: Final = "\ufe0f"
_MOST_MARKS: Final = 8  # on one character; scripts need no more
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
    return _with_hidden(text, lambda char: char if char in keep else ascii(char)[1:-1])


def json_line(value: Any) -> str:
    """Return a value as JSON in one line of visible ASCII, which a terminal only shows, too."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def plain_json(text: str) -> str:
    """Return a JSON text in one line that means the same, with each character that cannot be seen as an escape of JSON.

    Args:
        text: JSON without white space between its values, so that such characters stand in strings only.
    """
    if text.isascii() and text.isprintable():
        return text
    return _with_hidden(text, _escaped)


def _with_hidden(text: str, written: Callable[[str], str]) -> str:
    return "".join(
        written(char) if _hides(char, before) else char for char, before in zip(text, f" {text}", strict=False)
    )


def _hides(char: str, before: str) -> bool:
    """Say whether a character steers a terminal or cannot be seen; with one it is well known, as in the red heart."""
    if char == _AS_PICTURE:
        return unicodedata.category(before) != "So"
    return (
        unicodedata.category(char) in _STEERING
        or char in _UNSEEN
        or any(ord(char) in variants for variants in _VARIANTS)
    )


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))


def columns_of(text: str) -> int:
    """Return how many columns a text takes in a terminal: two for a wide character, none for a combining mark.

    Marks beyond those that scripts put on one character count as columns, so that a line is not longer than it looks.
    """
    if text.isascii():
        return len(text)
    return sum(_widths(text))


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns, with an ellipsis where something is left out."""
    if columns_of(text) <= columns:
        return text
    ends = accumulate(_widths(text))
    kept = sum(1 for _ in takewhile(lambda end: end < columns, ends))
    return text[:kept] + ELLIPSIS if columns > 0 else ""


def _widths(text: str) -> Iterator[int]:
    marks = 0
    for char in text:
        if char != _AS_PICTURE and unicodedata.category(char) in _MARKS:
            marks += 1
            yield 0 if marks <= _MOST_MARKS else 1
        else:
            marks = 0
            yield 2 if unicodedata.east_asian_width(char) in _WIDE else 1
