from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import InvalidInput, MessageTooLarge
from sse_signals.messages import deeper_than, encode

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text("ab\n"), children, max_size=4),
    max_leaves=12,
)


def nested(levels: int) -> Any:
    """Return arrays inside each other."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@dataclass
class Point:
    x: float


@given(JSON)
def test_a_json_value_keeps_its_meaning(message: Any) -> None:
    """Any JSON value is written as one line of text that means the same to any reader."""
    data = encode(message)
    assert json.loads(data) == message
    assert not {b"\n", b"\r"} & {data[at : at + 1] for at in range(len(data))}


def test_the_text_is_compact() -> None:
    """No byte is spent on spaces."""
    assert encode({"a": [1, None, "é"], "b": {}}) == '{"a":[1,null,"é"],"b":{}}'.encode()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [1, x], lambda x: {"a": (None, {"b": x})}])
def test_numbers_that_json_does_not_have_are_refused(number: float, wrap: Any) -> None:
    """NaN and infinity do not silently become null, wherever they stand."""
    with pytest.raises(InvalidInput, match="NaN or infinity") as caught:
        encode(wrap(number))
    assert caught.value.field == "message"


def test_null_is_a_message() -> None:
    """A real null, and the word in a text, are no numbers gone wrong."""
    assert encode(None) == b"null"
    assert encode({"null": [None, "null", 1.5]}) == b'{"null":[null,"null",1.5]}'


@pytest.mark.parametrize(
    "message",
    [
        *[2**64, -(2**63) - 1, "\ud800", {"\udfff": 1}, {1: 2}, {1, 2}, b"bytes", ..., Point(math.nan)],
        *[datetime(2026, 1, 31, tzinfo=UTC), [Point(1)]],
    ],
    ids=repr,
)
def test_what_json_cannot_say_is_refused(message: Any) -> None:
    """Values that would change on their way, or that no reader could read, are refused with the field's name."""
    with pytest.raises(InvalidInput, match="cannot be written as JSON") as caught:
        encode(message, field="[3].message")
    assert caught.value.field == "[3].message"


@pytest.mark.parametrize("number", [2**53 + 1, 2**64 - 1, -(2**63)])
def test_large_integers_are_kept_exactly(number: int) -> None:
    """Beyond 2^53 a number is written digit by digit, never rounded."""
    assert encode(number) == str(number).encode()


def test_the_limit_counts_bytes_of_text() -> None:
    """A message of exactly the limit is taken, one byte more is refused with both numbers."""
    assert encode("a" * 8, limit=10)
    with pytest.raises(MessageTooLarge, match="11 bytes of JSON; the limit is 10"):
        encode("a" * 9, limit=10)
    with pytest.raises(MessageTooLarge):
        encode("é" * 5, limit=10)
    assert encode("a" * (64 * 1024 - 2))
    with pytest.raises(MessageTooLarge):
        encode("a" * (64 * 1024 - 1))


def test_32_levels_are_taken_and_33_are_not() -> None:
    """Depth is bounded, whether arrays or objects."""
    assert encode(nested(32)) == b"[" * 32 + b"1" + b"]" * 32
    for deep in (nested(33), {"a": nested(32)}, nested(5000)):
        with pytest.raises(InvalidInput, match="deeper than 32"):
            encode(deep)


def test_depth_counts_containers() -> None:
    """A plain value has depth 0, an empty array 1; siblings do not add up."""
    assert not deeper_than(b'"x"', 0)
    assert deeper_than(b"[]", 0)
    assert not deeper_than(b"[[],[],{}]", 2)
    assert not deeper_than(b"[[],[],{}]" * 20, 2)
    assert deeper_than(b'[1,{"a":[[]]}]', 3)
    assert not deeper_than(rb'["[[[", "\"[[[\\", {"[": "]"}]', 2)


def test_a_value_that_holds_itself_is_refused() -> None:
    """A circle has no end, and is refused as too deep."""
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidInput, match="deeper"):
        encode(circle)


def test_subclasses_of_json_types_are_what_they_extend() -> None:
    """Enumerations of text, as programs have them, are text."""

    class Colour(enum.StrEnum):
        RED = "red"

    assert encode({"colour": Colour.RED}) == b'{"colour":"red"}'
