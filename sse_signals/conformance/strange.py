"""Ids that a hub never gave, made of one that it gave: whoever knows nothing of its form keeps that form."""

from __future__ import annotations

import re
import string
from typing import Final

_RUN: Final = re.compile(r"[0-9A-Za-z]+")
_NUMBER: Final = re.compile(r"[0-9]+(?=[^0-9]*\Z)")
_ALPHABETS: Final = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_FAR: Final = 1_000_000
GARBAGE: Final = "garbage {}; not an id"


def another_log(event_id: str) -> str:
    """Return an id with another first part: what is left of a log that was lost."""
    return _RUN.sub(lambda run: "".join(_turned(char, 1) for char in run[0]), event_id, count=1) or GARBAGE


def never_given(event_id: str) -> str:
    """Return an id of the same form in which every letter and digit is another, and mostly an earlier one."""
    return _RUN.sub(lambda run: "".join(_turned(char, -1) for char in run[0]), event_id) or GARBAGE


def future(event_id: str) -> str:
    """Return the id of a message that is still to be published, a million further on."""
    found = _NUMBER.search(event_id)
    if found is None:
        return event_id + "9"
    return event_id[: found.start()] + str(int(found[0]) + _FAR) + event_id[found.end() :]


def _turned(char: str, by: int) -> str:
    """Return the character after or before, within digits, small letters or capital ones."""
    alphabet = next(letters for letters in _ALPHABETS if char in letters)
    return alphabet[(alphabet.index(char) + by) % len(alphabet)]
