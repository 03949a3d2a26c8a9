from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.topics import EVERYTHING, Filters

if TYPE_CHECKING:
    from random import Random

WORDS = st.text("ab:/é", min_size=1, max_size=4)
FILTERS = st.builds(str.__add__, WORDS, st.sampled_from(["", "", "*"])) | st.just("*")


@pytest.mark.parametrize(
    ("plugin", "topic", "address"),
    [
        (None, None, None),
        (None, "a", "a"),
        (None, "catalog:a", "catalog:a"),
        ("catalog", None, "catalog"),
        ("catalog", "a", "catalog:a"),
        ("catalog", "a:b", "catalog:a:b"),
        ("cafe\u0301", "e\u0301", "café:é"),
    ],
)
def test_an_address_is_made_of_plugin_and_topic(plugin: str | None, topic: str | None, address: str | None) -> None:
    """A signal goes to a topic, to a plugin's topic, to a plugin as a whole, or to everybody."""
    assert topics.address(plugin, topic) == address


@pytest.mark.parametrize(
    ("plugin", "topic", "field"),
    [
        (None, "", "topic"),
        (None, "a*", "topic"),
        (None, "*", "topic"),
        (None, "a\n", "topic"),
        ("", None, "plugin"),
        ("a:b", None, "plugin"),
        ("a*", "b", "plugin"),
        ("a\r", "b", "plugin"),
        ("catalog", "", "topic"),
        ("catalog", "a*b", "topic"),
        ("p" * 100, "t" * 155, "topic"),
    ],
)
def test_an_address_that_breaks_a_rule_is_refused(plugin: str | None, topic: str | None, field: str) -> None:
    """The error names the field at fault and what to do, and the parts together have one limit of length."""
    with pytest.raises(InvalidInput) as caught:
        topics.address(plugin, topic)
    assert caught.value.field == field
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "taken"), [("created", "created"), ("message", None), ("signals", "signals"), ("Open", "Open")]
)
def test_an_event_name_is_taken(name: str, taken: str | None) -> None:
    """Any visible name will do, and ``message`` is the same as none."""
    assert topics.event_name(name) == taken


@pytest.mark.parametrize(
    "name", ["open", "error", "signals.open", "signals.", "signals.x", "", "a\nb", "a\rdata: x", "a\0"]
)
def test_a_reserved_or_broken_event_name_is_refused(name: str) -> None:
    """No publisher can fire a page's own handlers, speak as the hub, or end the line its name stands in."""
    with pytest.raises(InvalidInput) as caught:
        topics.event_name(name)
    assert caught.value.field == "event"


@pytest.mark.parametrize("text", ["", "a*b", "**", "a**", "*a", "a\n*", "\u200b*", "é" * 128 + "*"])
def test_a_bad_topic_filter_is_refused(text: str) -> None:
    """Only one star, and only at the end, and otherwise the rules of topics."""
    with pytest.raises(InvalidInput) as caught:
        Filters.parse(["ok", text])
    assert caught.value.field == "topic"


def test_64_filters_are_taken_and_65_are_not() -> None:
    """The number of filters of one stream is bounded, and the hint says how to ask for many topics."""
    assert len(list(Filters.parse(map(str, range(64))))) == 64
    with pytest.raises(InvalidInput, match="prefix"):
        Filters.parse(map(str, range(65)))


def test_no_filter_means_everything() -> None:
    """A stream that names no topic asks for all, as if it had written a star."""
    assert Filters.parse([]) == Filters.parse(["*"]) == Filters.parse(["a", "b*", "*"]) == EVERYTHING
    assert list(EVERYTHING) == ["*"]


def test_filters_are_compared_in_normal_form_and_case_sensitively() -> None:
    """Two ways to write the same letter are one topic; upper and lower case are two."""
    filters = Filters.parse(["cafe\u0301", "Orders*"])
    assert filters.match("café")
    assert filters.match("Orders/1")
    assert not filters.match("orders/1")


@given(st.lists(FILTERS, max_size=8), WORDS | st.none())
def test_filters_match_what_each_of_them_says(texts: list[str], where: str | None) -> None:
    """A set of filters matches an address if one of them does, whatever the others are; a broadcast always matches."""
    expected = (
        not texts
        or where is None
        or any(where.startswith(text[:-1]) if text.endswith("*") else where == text for text in texts)
    )
    assert Filters.parse(texts).match(where) == expected


@given(st.lists(FILTERS, min_size=1, max_size=8), st.randoms())
def test_equal_wishes_are_equal_values(texts: list[str], random: Random) -> None:
    """Order, repetition and filters that another covers make no difference, so that such streams share their bytes."""
    again = [*texts, *texts]
    random.shuffle(again)
    filters = Filters.parse(texts)
    assert Filters.parse(again) == filters
    assert hash(Filters.parse(again)) == hash(filters)
    assert Filters.parse(filters) == filters
    written = list(filters)
    assert written == sorted(set(written))
    for text in written:
        others = Filters.parse([other for other in written if other != text] or ["-"])
        assert not others.match(text.removesuffix("*") or "x")
