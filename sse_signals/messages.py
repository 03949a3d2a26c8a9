"""What a message may be: any JSON value that every reader understands alike, and its one compact text."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.errors import InvalidInput, MessageTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 64 * 1024  # of a message's JSON text, unless a setting says otherwise
MAX_DEPTH: Final = 32  # arrays and objects inside each other

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
    if deeper_than(message, MAX_DEPTH):
        hint = "Send a flatter one, or a reference to where it can be fetched."
        raise InvalidInput(f"It is nested deeper than {MAX_DEPTH} levels.", field=field, hint=hint)
    try:
        data = orjson.dumps(message, option=_STRICT)
    except orjson.JSONEncodeError as error:
        raise InvalidInput(f"It cannot be written as JSON: {error}.", field=field, hint="Send a JSON value.") from None
    # orjson writes NaN and infinity as null: a message must not change on its way.
    if b"null" in data and not _all_finite(message):
        raise InvalidInput(
            "It holds NaN or infinity.", field=field, hint="JSON has no such numbers; send null or text."
        )
    if len(data) > limit:
        hint = "Signals are small: send a reference to where the rest can be fetched."
        raise MessageTooLarge(f"It is {len(data)} bytes of JSON; the limit is {limit}.", field=field, hint=hint)
    return data


def deeper_than(value: Any, depth: int) -> bool:
    """Say whether arrays and objects are nested in ``value`` more than ``depth`` levels deep."""
    level = _containers([value])
    for _ in range(depth):
        if not level:
            return False
        level = _containers(child for parent in level for child in _children(parent))
    return bool(level)


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list | tuple)]


def _children(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, dict) else container


def _all_finite(value: Any) -> bool:
    if isinstance(value, float):
        return isfinite(value)
    return not isinstance(value, dict | list | tuple) or all(_all_finite(child) for child in _children(value))
