from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.errors import InvalidInput
from sse_signals.names import visible


@pytest.mark.parametrize(
    "text",
    ["a", "orders/eu 1", "%s{}'\"\\<>", "Größe", "注文", "नमस्ते", "a" * 255, "é" * 127, "🙂", "\N{NO-BREAK SPACE}"],
)
def test_visible_text_is_taken_as_it_is(text: str) -> None:
    """Whatever people can see is a name, up to exactly 255 bytes of UTF-8."""
    assert visible(text, "topic") == text


@pytest.mark.parametrize(
    "char",
    [
        *("\0", "\n", "\r", "\t", "\x0b", "\x1b", "\x7f", "\x85", "\x9b"),  # control characters
        *("\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\xad", "\U000e0041"),  # invisible formatting
        *("\u2028", "\u2029", "\ud800", "\udfff"),  # separators and lone surrogates
        *(
            "\u034f",
            "\u115f",
            "\u1160",
            "\u17b4",
            "\u180b",
            "\u3164",
            "\ufe0f",
            "\uffa0",
            "\U000e0100",
        ),  # shown as nothing
    ],
)
def test_what_cannot_be_seen_is_refused(char: str) -> None:
    """A control or invisible character anywhere is refused, and named by its code point, never repeated as it is."""
    for text in (char, f"a{char}", f"{char}a", f"a{char}a"):
        with pytest.raises(InvalidInput, match=f"U\\+{ord(char):04X}") as caught:
            visible(text, "topic")
        assert caught.value.field == "topic"
        assert char not in str(caught.value)


@pytest.mark.parametrize("text", ["a" * 256, "é" * 128, "🙂" * 64])
def test_more_than_255_bytes_are_refused(text: str) -> None:
    """The limit counts bytes, not characters."""
    with pytest.raises(InvalidInput, match="longer than 255 bytes"):
        visible(text, "key")


def test_emptiness_is_refused() -> None:
    """No characters are no name, and the error says what to do."""
    with pytest.raises(InvalidInput, match=r"plugin: It is empty\. Leave it out"):
        visible("", "plugin")


def test_the_limit_holds_for_the_normal_form() -> None:
    """Text that is too long only as it was written is taken, and text that grows in normal form C is refused."""
    assert visible("e\u0301" * 127, "topic") == "é" * 127
    grows = "\u0958"  # a composition exclusion: its normal form C has two characters
    assert len(unicodedata.normalize("NFC", grows)) == 2
    with pytest.raises(InvalidInput, match="longer"):
        visible(grows * 80, "topic")


@given(st.text())
def test_what_is_taken_is_short_visible_and_stays_the_same(text: str) -> None:
    """Whatever text comes: it is refused, or becomes its normal form, which is itself taken unchanged."""
    try:
        taken = visible(text, "topic")
    except InvalidInput:
        return
    assert taken == unicodedata.normalize("NFC", text)
    assert visible(taken, "topic") == taken
    assert 0 < len(taken.encode()) <= 255
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in taken)
    assert len(taken.splitlines()) == 1


def test_what_is_no_text_is_refused() -> None:
    """From Python anything may come; the error names the field."""
    with pytest.raises(InvalidInput, match="topic: It is not text"):
        visible(5, "topic")
