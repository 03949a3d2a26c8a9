"""Kinds of values in a hub's description; each takes what TOML has and says what it may be."""

from __future__ import annotations

import re
from typing import Any, Final

from sse_signals.conformance.adapter import CONTENT_TYPES

_PATH: Final = re.compile(r"/[!-~]*")
_MORE: Final = re.compile(r"[!-~]*")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_METHOD: Final = re.compile(r"[A-Z]{3,16}")
_POINTER: Final = re.compile(r"(/[^/]*)+")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9._-]+(:[0-9]{1,5})?")
LONGEST: Final = 3600  # seconds that anything is waited for


def text(value: Any) -> str:
    """Return visible text of one line."""
    return _like(value, re.compile(r"[^\x00-\x1f\x7f]+"), "text of one line")


def body(value: Any) -> str:
    """Return text of any number of lines."""
    return _like(value, re.compile(r".*", re.DOTALL), "text")


def path(value: Any) -> str:
    """Return a path."""
    return _like(value, _PATH, "a path that begins with / and is percent-encoded")


def more(value: Any) -> str:
    """Return what stands in a URL."""
    return _like(value, _MORE, "a part of a URL, such as &topic={topic}")


def method(value: Any) -> str:
    """Return an HTTP method."""
    return _like(value, _METHOD, "an HTTP method such as POST")


def name(value: Any) -> str:
    """Return the name of a parameter or an event; empty for none."""
    return _like(value, re.compile(r"[!-~]*"), "a name, or empty for none")


def content(value: Any) -> str:
    """Return a kind of body."""
    return _one_of(value, CONTENT_TYPES)


def pointer(value: Any) -> str:
    """Return a JSON pointer (RFC 6901); empty for the whole."""
    return "" if value == "" else _like(value, _POINTER, "a JSON pointer such as /message, or empty")


def place_of_id(value: Any) -> str:
    """Return where an answer has its id."""
    if value in {"", "body"} or (isinstance(value, str) and value.endswith(":") and _NAME.fullmatch(value[:-1])):
        return str(value)
    return _like(value, _POINTER, "a JSON pointer such as /id, 'body', or the name of a header with a colon")


def origin(value: Any) -> str:
    """Return the origin of a page."""
    return _like(value, _ORIGIN, "an origin such as https://app.example.com")


def flag(value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")  # noqa: TRY004 - the text is for people
    return value


def seconds(value: Any) -> float:
    """Return a time."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST:
        raise ValueError(f"seconds, at most {LONGEST}")
    return float(value)


def count(value: Any) -> int:
    """Return a number of messages."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 100_000:
        raise ValueError("a whole number up to 100000")
    return value


def statuses(value: Any) -> tuple[int, ...]:
    """Return HTTP statuses."""
    if not isinstance(value, list) or not value or not all(type(s) is int and 200 <= s < 300 for s in value):
        raise ValueError("a list of statuses from 200 to 299, such as [201, 202]")
    return tuple(value)


def texts(value: Any) -> tuple[str, ...]:
    """Return texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ValueError("a list of texts")
    return tuple(value)


def headers(value: Any) -> tuple[tuple[str, str], ...]:
    """Return headers."""
    if not isinstance(value, dict) or not all(map(_is_header, value.items())):
        raise ValueError('headers such as {Accept = "text/event-stream"}')
    return tuple(value.items())


def table(value: Any) -> dict[str, Any]:
    """Return a table."""
    if not isinstance(value, dict):
        raise ValueError("a table")  # noqa: TRY004 - the text is for people
    return value


def _is_header(item: tuple[str, Any]) -> bool:
    key, value = item
    return bool(_NAME.fullmatch(key)) and isinstance(value, str) and value.isascii() and value.isprintable()


def _like(value: Any, pattern: re.Pattern[str], may_be: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(may_be)
    return value


def _one_of(value: Any, known: Any) -> str:
    if value not in known:
        raise ValueError(f"one of {', '.join(known)}")
    return str(value)
