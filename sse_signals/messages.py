"""What a message may be: any JSON value that every reader understands alike, and its one compact text."""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

import orjson

from sse_signals.errors import InvalidInput, MessageTooLarge

MAX_BYTES: Final = 64 * 1024  # of a message's JSON text, unless a setting says otherwise
MAX_DEPTH: Final = 32  # arrays and objects inside each other

_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_AS_ARRAYS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STRICT: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME  # no objects of Python


def encode(message: Any, *, limit: int = MAX_BYTES, field: str = "message") -> bytes:
    """Return a message as compact JSON text.

    Args:
        message: Any JSON value.
        limit: Bytes that the text may have.
        field: What it is called in an error.

    Raises:
        MessageTooLarge: The text is longer.
        InvalidInput: It is nested too deeply, or holds what JSON cannot express: NaN, infinity, integers beyond 64
            bits, lone surrogates, or objects of Python.
    """
    try:
        data = orjson.dumps(message, option=_STRICT)
    except orjson.JSONEncodeError as error:
        if "Recursion" in str(error):
            raise _too_deep(field) from None
        raise InvalidInput(f"It cannot be written as JSON: {error}.", field=field, hint="Send a JSON value.") from None
    if len(data) > limit:
        hint = "Signals are small: send a reference to where the rest can be fetched."
        raise MessageTooLarge(f"It is {len(data)} bytes of JSON; the limit is {limit}.", field=field, hint=hint)
    if deeper_than(data, MAX_DEPTH):
        raise _too_deep(field)
    # orjson writes NaN and infinity as null: a message must not change on its way.
    if b"null" in data and not _all_finite(message):
        raise InvalidInput(
            "It holds NaN or infinity.", field=field, hint="JSON has no such numbers; send null or text."
        )
    return data


def deeper_than(text: bytes, depth: int) -> bool:
    """Say whether arrays and objects are nested more than ``depth`` levels deep in a valid JSON text.

    It works on the text, since a walk through a million empty arrays would take a second.
    """
    if text.count(b"[") + text.count(b"{") <= depth:
        return False
    brackets = _STRING.sub(b"", text).translate(_AS_ARRAYS, _NO_BRACKETS)
    for _ in range(depth):
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _too_deep(field: str) -> InvalidInput:
    hint = "Send a flatter one, or a reference to where it can be fetched."
    return InvalidInput(f"It is nested deeper than {MAX_DEPTH} levels.", field=field, hint=hint)


def _all_finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return True
    return all(_all_finite(child) for child in value)
