"""Members of JSON objects that somebody else has written: each is what it may be, or it is said which one is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Final

MOST: Final = 2**63  # of whatever is counted
_LONGEST: Final = 1000  # characters that are looked at of a text
_END: Final = 253_402_300_800  # seconds from 1970 to the year 10000, which no clock of this language can show


class Unreadable(ValueError):
    """A document of a form that this version does not know; the text says where."""


class Members:
    """The members of one JSON object.

    Each method takes the name of a member.

    Raises:
        Unreadable: It is not there, or not what it may be; so says each method.
    """

    __slots__ = ("_members", "_place")

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise Unreadable(f"{place} is no object")
        self._members = value
        self._place = place

    def has(self, name: str) -> bool:
        """Say whether there is a member that is not null."""
        return self._members.get(name) is not None

    def of(self, name: str) -> Members:
        """Return the members of a member that is an object."""
        return Members(self._members.get(name), f"{name} of {self._place}")

    def entries(self, name: str, *, most: int) -> list[Members]:
        """Return the members of each object in a list of so many at most."""
        return [Members(each, f"{name} {number}") for number, each in enumerate(self._list(name, most), 1)]

    def text(self, name: str) -> str:
        """Return a text, or what is looked at of it."""
        return self._text(name, self._members.get(name))

    def texts(self, name: str, *, most: int) -> list[str]:
        """Return a list of so many texts at most."""
        return [self._text(name, each) for each in self._list(name, most)]

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self._members.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "neither true nor false")
        return value

    def count(self, name: str) -> int:
        """Return a whole number that is not negative."""
        return self._count(name, self._members.get(name))

    def counts(self, name: str, *, most: int) -> dict[str, int]:
        """Return such numbers, of which there are so many at most, by their names."""
        found = self._members.get(name)
        if not isinstance(found, dict):
            raise self._wrong(name, "no object")
        if len(found) > most:
            raise self._wrong(name, f"an object with more than {most} members")
        return {key[:_LONGEST]: self._count(name, value) for key, value in found.items()}

    def number(self, name: str) -> float:
        """Return a number that is not negative; one that is counts as 0."""
        value = self._members.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self._wrong(name, "no number")
        return min(max(float(value), 0.0), float(MOST))

    def time(self, name: str) -> float:
        """Return an RFC 3339 time from 1970 on in seconds since 1970-01-01 UTC."""
        text = self.text(name)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise self._wrong(name, "no time") from None
        seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        if not 0 <= seconds < _END:
            raise self._wrong(name, "no time from 1970 to 9999")
        return seconds

    def _list(self, name: str, most: int) -> list[Any]:
        value = self._members.get(name)
        if not isinstance(value, list):
            raise self._wrong(name, "no list")
        if len(value) > most:
            raise self._wrong(name, f"a list of more than {most}")
        return value

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise self._wrong(name, "no text")
        return value[:_LONGEST]

    def _count(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MOST:
            raise self._wrong(name, "no count")
        return value

    def _wrong(self, name: str, what: str) -> Unreadable:
        return Unreadable(f"{name} of {self._place} is {what}")
