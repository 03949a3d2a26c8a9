"""Ids that a hub never gave, made of one that it gave: whoever knows nothing of its form keeps that form."""

from __future__ import annotations

import re
import string
from typing import Final

_RUN: Final = re.compile(r"[0-9A-Za-z]+")
_NUMBER: Final = re.compile(r"[0-9]+(?=[^0-9]*\Z)")
_ALPHABETS: Final = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
_FAR: Final = 1_000_000
_SHORT: Final = 8  # characters of an id that somebody counts, rather than draws
GARBAGE: Final = "garbage {}; not an id"


def is_count(event_id: str) -> bool:
    """Say whether an id may be nothing but a count: of such ids all up to the last may have been given to somebody."""
    runs = _RUN.findall(event_id)
    return len(runs) == 1 and (runs[0].isdigit() or len(runs[0]) < _SHORT)


def is_numbers(event_id: str) -> bool:
    """Say whether an id has no letters: such as a time and a count, which may name any place, an early one too."""
    runs = _RUN.findall(event_id)
    return bool(runs) and all(run.isdigit() for run in runs)


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
