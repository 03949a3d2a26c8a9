"""Shapes of JSON values from elsewhere: each reader returns what it has checked, and takes nothing on trust."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[Any], Any]

_LARGEST: Final = 2**53  # beyond, whoever reads JSON in a browser sees another number
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
_FIRST: Final = "1970"
# What a terminal or a log would take for something else than text.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_MOST_REASONS: Final = 100
_MOST_TEXT: Final = 1_024  # characters


def whole(value: Any) -> int:
    """Read a number of things or bytes.

    Raises:
        ValueError: It is none, as for the readers that follow.
    """
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError("it is no number of things")
    return value


def seconds(value: Any) -> float:
    """Read a number of seconds."""
    if type(value) not in (int, float) or not 0 <= value <= _LARGEST:
        raise ValueError("it is no number of seconds")
    return float(value)


def flag(value: Any) -> bool:
    """Read true or false."""
    if type(value) is not bool:
        raise ValueError("it is neither true nor false")
    return value


def text(value: Any) -> str:
    """Read a text without control characters."""
    if type(value) is not str or len(value) > _MOST_TEXT or _CONTROL.search(value):
        raise ValueError("it is no text")
    return value


def time(value: Any) -> str:
    """Read a time as the hub writes it, from 1970 on."""
    if type(value) is not str or not _TIME.fullmatch(value) or value < _FIRST:
        raise ValueError("it is no time")
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("it is no time that there is") from None
    return value


def one_of(*known: str) -> Reader:
    """Return a reader of one of some texts."""

    def read(value: Any) -> str:
        if type(value) is not str or value not in known:
            raise ValueError("it is none of the texts that are known")
        return value

    return read


def maybe(reader: Reader) -> Reader:
    """Return a reader that takes null, too."""
    return lambda value: None if value is None else reader(value)


def items(reader: Reader, most: int) -> Reader:
    """Return a reader of a list with up to so many items."""

    def read(value: Any) -> list[Any]:
        if type(value) is not list or len(value) > most:
            raise ValueError("it is no list, or too long")
        return [reader(item) for item in value]

    return read


def by_reason(value: Any) -> dict[str, int]:
    """Read numbers by reason."""
    if type(value) is not dict or len(value) > _MOST_REASONS:
        raise ValueError("it holds no numbers by reason")
    return {text(name): whole(number) for name, number in value.items()}


def members(readers: dict[str, Reader]) -> Reader:
    """Return a reader of an object with these members; others, which a newer version may add, are left out."""
    table = tuple(readers.items())

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise ValueError("it is no object")
        try:
            return {name: reader(value[name]) for name, reader in table}
        except KeyError as error:
            raise ValueError(f"there is no member {error}") from None

    return read
