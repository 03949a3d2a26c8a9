"""What topics, plugin ids, event names, entity refs and idempotency keys have in common: they are visible text."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sse_signals.errors import InvalidInput

MAX_BYTES: Final = 255
# Characters that may become so few bytes. Bringing marks into their order takes time with the square of their number.
_MAX_RAW: Final = 4 * MAX_BYTES

# Cc, Cf, Cs, Zl, Zp: control characters, invisible formatting, surrogates, line and paragraph separators.
_FORBIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Characters that show nothing although Unicode counts them as letters or marks (Default_Ignorable_Code_Point).
_INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_PLAIN: Final = re.compile(r"[!-~]+")


def visible(text: object, field: str) -> str:
    """Return ``text`` in Unicode normal form C, after checking that people can see what it says.

    Args:
        text: What somebody wrote.
        field: What it is called in an error.

    Raises:
        InvalidInput: It is empty, longer than 255 bytes, or holds a character that cannot be seen.
    """
    if not isinstance(text, str):
        raise InvalidInput("It is not text.", field=field, hint="Give a text.")
    if not text:
        raise InvalidInput("It is empty.", field=field, hint="Leave it out, or give it at least one character.")
    if len(text) > _MAX_RAW:
        raise _too_long(field)
    if not _PLAIN.fullmatch(text):
        text = unicodedata.normalize("NFC", text)
        for char in text:
            if unicodedata.category(char) in _FORBIDDEN_CATEGORIES or _INVISIBLE.match(char):
                raise InvalidInput(
                    f"It holds U+{ord(char):04X}, a control or invisible character.",
                    field=field,
                    hint="Use characters that can be seen.",
                )
    if len(text.encode()) > MAX_BYTES:
        raise _too_long(field)
    return text


def _too_long(field: str) -> InvalidInput:
    return InvalidInput(f"It is longer than {MAX_BYTES} bytes.", field=field, hint="Choose a shorter one.")
