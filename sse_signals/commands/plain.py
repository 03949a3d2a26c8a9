"""Text from elsewhere, so that a terminal only shows it: what steers a terminal, or hides, becomes visible."""

from __future__ import annotations

import unicodedata
from typing import Final

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


def columns_of(text: str) -> int:
    """Return how many columns a text takes in a terminal: two for a wide character, none for a combining mark."""
    if text.isascii():
        return len(text)
    return sum(_width(char) for char in text)


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most so many columns, with an ellipsis where something is left out."""
    if columns_of(text) <= columns:
        return text
    kept, left = [], columns - 1
    for char in text:
        left -= _width(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS if columns > 0 else ""


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1
