from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sse_signals.errors import NotGranted
from sse_signals.grants import Grants, readable
from sse_signals.topic_index import TopicIndex
from sse_signals.topics import Filters, of

if TYPE_CHECKING:
    from collections.abc import Iterable

WORDS = st.text("ab:", min_size=1, max_size=4)
WHOLE = st.lists(st.builds(str.__add__, WORDS, st.sampled_from(["", "*"])) | st.just("*"), max_size=6).map(
    Filters.parse
)


def narrowed(asked: Filters, private: Filters, named: Filters) -> Filters:
    """Return what is left of filters where something is private: some leave something out."""
    try:
        return readable(asked, Grants(unmarked=True, private=private, subscribe=named))
    except NotGranted:
        return asked


FILTERS = WHOLE | st.builds(narrowed, WHOLE, WHOLE.filter(lambda filters: "" not in filters.prefixes), WHOLE)


class IndexAgainstList(RuleBasedStateMachine):
    """An index answers as if it asked every entry's filters in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.index: TopicIndex[int] = TopicIndex()
        self.entries: dict[int, Filters] = {}
        self.number = 0

    filed = Bundle("filed")

    @rule(target=filed, filters=FILTERS)
    def add(self, filters: Filters) -> int:
        self.number += 1
        self.index.add(self.number, filters)
        self.entries[self.number] = filters
        return self.number

    @rule(entry=consumes(filed))
    def remove(self, entry: int) -> None:
        self.index.remove(entry, self.entries.pop(entry))

    @rule(where=WORDS | st.none())
    def match(self, where: str | None) -> None:
        found = list(self.index.match(where))
        assert len(found) == len(set(found))
        assert sorted(found) == [entry for entry, filters in self.entries.items() if filters.match(where)]

    @invariant()
    def holds_as_many(self) -> None:
        assert len(self.index) == len(self.entries)


TestIndexAgainstList = IndexAgainstList.TestCase
TestIndexAgainstList.settings = settings(max_examples=60, stateful_step_count=30)


class Counting(str):
    """An address that counts what is done to it: every look-up hashes it or a part of it."""

    __slots__ = ("operations",)
    operations: list[str]

    def __new__(cls, text: str, operations: list[str] | None = None) -> Self:
        made = super().__new__(cls, text)
        made.operations = [] if operations is None else operations
        return made

    def __hash__(self) -> int:
        self.operations.append("hash")
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        self.operations.append("eq")
        return super().__eq__(other)

    def __getitem__(self, key: Any) -> Counting:
        self.operations.append("slice")
        return Counting(super().__getitem__(key), self.operations)

    def startswith(self, *args: Any) -> bool:
        self.operations.append("startswith")
        return super().startswith(*args)


def operations(filters: Iterable[str], address: str) -> tuple[int, list[str]]:
    """Count what one look-up does in an index with one entry for each of the filters."""
    index: TopicIndex[str] = TopicIndex()
    for text in filters:
        index.add(text, Filters.parse([text]))
    counted = Counting(address)
    found = list(index.match(counted))
    return len(counted.operations), found


def test_a_look_up_costs_the_same_however_many_filters_do_not_match() -> None:
    """Ten thousand exact topics and ten thousand prefixes beside the right ones add no single operation."""
    few, found_few = operations(["orders/1", "orders/*", *"xy"], "orders/1")
    others = [f"other-{number:05}" for number in range(10_000)]
    prefixes = [f"{number:07}*" for number in range(10_000)]  # as long as the prefix that matches
    many, found_many = operations(["orders/1", "orders/*", *others, *prefixes], "orders/1")
    assert found_few == found_many == ["orders/1", "orders/*"]
    assert 0 < many <= few


def test_a_look_up_costs_one_step_for_each_length_of_prefix() -> None:
    """Prefixes cost by their distinct lengths, not by their number."""
    one, _ = operations(["a*"], "bbbbbbbb")
    eight, _ = operations(["a" * length + "*" for length in range(1, 9)], "bbbbbbbb")
    assert one < eight <= 8 * one


def test_an_entry_is_only_taken_out_as_it_was_filed() -> None:
    """Taking out what is not there is an error, not a silent success."""
    index: TopicIndex[str] = TopicIndex()
    index.add("x", Filters.parse(["a"]))
    with pytest.raises(KeyError):
        index.remove("y", Filters.parse(["a"]))
    with pytest.raises(KeyError):
        index.remove("x", Filters.parse(["b"]))


@given(st.lists(FILTERS, max_size=10))
def test_nothing_is_left_of_what_was_taken_out(all_filters: list[Filters]) -> None:
    """An index that was filled and emptied is as small as a new one."""
    index: TopicIndex[int] = TopicIndex()
    for number, filters in enumerate(all_filters):
        index.add(number, filters)
    for number, filters in enumerate(all_filters):
        index.remove(number, filters)
    assert [index._exact, index._prefixes, index._entries, index._partial] == [{}, {}, {}, {}]


def test_what_filters_leave_out_is_not_found() -> None:
    """Beside entries with the same prefix, and with entries inside it again, each is found once, where it should be."""
    index: TopicIndex[str] = TopicIndex()
    partial = readable(
        Filters.parse(["a*", "b"]), Grants(unmarked=True, private=of(("ab*", "ax")), subscribe=of(("abc*",)))
    )
    assert partial.partial
    index.add("partial", partial)
    index.add("whole", Filters.parse(["a*"]))
    found = {where: list(index.match(where)) for where in ("a", "ab", "ax", "axe", "abc", "abcd", "b", "c")}
    both, whole = ["partial", "whole"], ["whole"]
    assert found == {
        "a": both,
        "ab": whole,
        "ax": whole,
        "axe": both,
        "abc": both,
        "abcd": both,
        "b": ["partial"],
        "c": [],
    }
    assert list(index.match(None)) == both
    index.remove("partial", partial)
    assert list(index.match("abc")) == whole
