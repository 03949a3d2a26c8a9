from __future__ import annotations

import pytest
from hypothesis import strategies as st

from sse_signals.errors import InvalidInput
from sse_signals.refs import ref_pattern, subject_form

LETTERS = st.text("abAB", min_size=1, max_size=2)
REFS = st.builds("{}:{}/{}".format, LETTERS, LETTERS, LETTERS)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("*", "*"),
        ("group:*", "group:*"),
        ("Group:Default/*", "group:default/*"),
        ("group:default/Team-*", "group:default/team-*"),
        ("group:team-a", "group:default/team-a"),
        ("User:Ops/Jane", "user:ops/jane"),
        ("group:cafe\u0301/*", "group:café/*"),
    ],
)
def test_a_pattern_is_normalised(text: str, pattern: str) -> None:
    """A ref as refs are, a prefix in lower case; its one form is its own one form."""
    assert ref_pattern(text) == pattern
    assert ref_pattern(pattern) == pattern


@pytest.mark.parametrize(
    "text",
    [
        *["", "**", "*a", "a*b", "*:*", "group:*/a", "g*", "group:team-*", "/*", ":*", "group:/*", ":a/*"],
        *["a:b:*", "a:b/c/*", "a:b/c:*", "group:a b/*", "group:default/ *", "\n*", "group:\u200b*", "team-a"],
        "x" * 300,
        "group:default/" + "x" * 300 + "*",
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    """Nobody is bound to something that no ref could fit, or that means something else than it seems to."""
    with pytest.raises(InvalidInput) as caught:
        ref_pattern(text)
    assert caught.value.field == "targets"
    assert caught.value.hint


def test_a_prefix_without_a_namespace_says_what_to_write() -> None:
    """In a ref the namespace may be left out, in a prefix it may not: else `group:d*` would mean two things."""
    with pytest.raises(InvalidInput, match="the namespace is never left out"):
        ref_pattern("group:d*")


def test_a_subject_is_compared_as_a_ref_where_it_is_one() -> None:
    """Users and groups as refs; what is none, or would be too long as one, to the letter."""
    assert subject_form("User:Default/Ann") == subject_form("user:ann") == "user:default/ann"
    for other in ("Ann", "auth0|Ann", "mailto:Ann@example.com", "plugin:Catalog", "user:" + "a" * 250):
        assert subject_form(other) == other
