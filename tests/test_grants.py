from __future__ import annotations

from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sse_signals.errors import NotGranted
from sse_signals.grants import ALL_GRANTS, NO_GRANTS, Grants, PublishGrant, check_publish, readable
from sse_signals.model import Signal
from sse_signals.topics import EVERYTHING, NOTHING, Filters, of

LETTERS = "ab"
# Filters are made of a and b; a c stands for every letter that no filter names.
ADDRESSES = ["".join(letters) for length in (1, 2, 3, 4) for letters in product("abc", repeat=length)]
WORDS = st.text(LETTERS, min_size=1, max_size=3)
TEXTS = st.builds(str.__add__, WORDS, st.sampled_from(["", "*"])) | st.just("*")
FILTERS = st.lists(TEXTS, max_size=5).map(tuple).map(of)
ASKED = FILTERS.filter(bool)
GRANTS = st.builds(Grants, subscribe=st.none() | FILTERS, unmarked=st.booleans(), private=FILTERS)
TEAM = frozenset({"group:default/team"})


def may_read(grants: Grants, where: str) -> bool:
    """The rule in one line."""
    named = grants.subscribe or NOTHING
    return named.match(where) or (grants.unmarked and not grants.private.match(where))


def narrowed(asked: Filters, grants: Grants) -> Filters:
    """What may be read, or nothing."""
    try:
        return readable(asked, grants)
    except NotGranted:
        return NOTHING


def addresses(filters: Filters) -> frozenset[str]:
    return frozenset(where for where in ADDRESSES if filters.match(where))


@settings(max_examples=250)
@given(ASKED, GRANTS)
@example(of(("a*",)), Grants(unmarked=True, private=of(("ab*", "a")), subscribe=of(("aba*", "ab"))))
@example(of(("*",)), Grants(unmarked=True, private=of(("a*",)), subscribe=of(("a*",))))
def test_exactly_what_is_asked_for_and_may_be_read_is_got(asked: Filters, grants: Grants) -> None:
    """For every address: it is asked for, and it is granted by name, or may be read and is not private."""
    try:
        effective = readable(asked, grants)
    except NotGranted:
        assert any(not any(one.match(where) and may_read(grants, where) for where in ADDRESSES) for one in each(asked))
        return
    for where in ADDRESSES:
        assert effective.match(where) == (asked.match(where) and may_read(grants, where)), where
    assert effective.match(None)
    for one in each(asked):
        assert any(one.match(where) and effective.match(where) for where in ADDRESSES)


def each(filters: Filters) -> list[Filters]:
    return [of((text,)) for text in filters]


@settings(max_examples=250)
@given(ASKED, GRANTS, ASKED, GRANTS)
@example(of(("a*", "b")), Grants(unmarked=True, private=of(("ab*",))), of(("a*", "b", "ab")), Grants(unmarked=True))
def test_equal_sets_of_addresses_are_equal_values(
    asked: Filters, grants: Grants, others_asked: Filters, others_grants: Grants
) -> None:
    """Two streams share a group, and so their bytes, if and only if they get the same, however they came to it."""
    one, other = narrowed(asked, grants), narrowed(others_asked, others_grants)
    same = addresses(one) == addresses(other)
    assert (one == other) == same
    if same:
        assert hash(one) == hash(other)
        assert list(one) == list(other)


@given(ASKED, GRANTS)
def test_only_outermost_filters_are_shown(asked: Filters, grants: Grants) -> None:
    """What is iterated covers all that is got, no part twice, and names nothing that is left out inside."""
    effective = narrowed(asked, grants)
    shown = list(effective)
    assert shown == sorted(set(shown))
    for where in addresses(effective):
        assert sum(one.match(where) for one in each(effective)) == 1
    assert effective.partial == (addresses(effective) != frozenset().union(*map(addresses, each(effective))))


@settings(max_examples=150)
@given(ASKED, GRANTS, GRANTS)
@example(
    of(("a*",)),
    Grants(unmarked=True, private=of(("ab*", "aa")), subscribe=of(("aba*",))),
    Grants(unmarked=True, private=of(("abaa*",)), subscribe=of(("ab*",))),
)
def test_what_was_narrowed_can_be_narrowed_again(asked: Filters, grants: Grants, later: Grants) -> None:
    """What was left out once is not asked for a second time, whatever may be read by then."""
    once = narrowed(asked, grants)
    if not once:
        return
    twice = narrowed(once, later)
    for where in ADDRESSES:
        assert not twice.match(where) or (once.match(where) and may_read(later, where))
    assert readable(once, grants) == once


@given(ASKED)
def test_all_that_is_asked_for_is_got_where_nothing_is_private(asked: Filters) -> None:
    """Then what is got is the very filters that were asked for."""
    for grants in (Grants(unmarked=True), ALL_GRANTS, Grants(subscribe=asked)):
        assert readable(asked, grants) == asked


@pytest.mark.parametrize(
    ("asked", "grants", "refused"),
    [
        (("a",), NO_GRANTS, "a"),
        (("*",), NO_GRANTS, "*"),
        (("a",), Grants(subscribe=of(("b", "ab*"))), "a"),
        (("b", "c"), Grants(subscribe=of(("b",))), "c"),
        (("b", "c*"), Grants(subscribe=of(("b*",))), "c*"),
        (("hr:1", "x"), Grants(unmarked=True, private=of(("hr:*",))), "hr:1"),
        (("hr:*",), Grants(unmarked=True, private=of(("h*",))), "hr:*"),
        (("hr:*",), Grants(private=of(("x",))), "hr:*"),
    ],
)
def test_16_the_filter_that_is_refused_is_named(asked: tuple[str, ...], grants: Grants, refused: str) -> None:
    """16: Asking for something of which nothing may be read names it; nothing is silently left out."""
    with pytest.raises(NotGranted, match=f"'{refused}'".replace("*", r"\*")) as caught:
        readable(of(asked), grants)
    assert caught.value.field == "topic"
    assert caught.value.index is None
    assert caught.value.value == refused


@pytest.mark.parametrize(
    ("grant", "address", "targets", "covered"),
    [
        (PublishGrant(of(("orders/*",))), "orders/1", None, True),
        (PublishGrant(of(("orders/*",))), "orders", None, False),
        (PublishGrant(of(("orders/*",))), None, None, False),
        (PublishGrant(of(("orders/*",))), "orders/1", frozenset(), True),
        (PublishGrant(EVERYTHING), None, None, True),
        (PublishGrant(EVERYTHING), "x", TEAM, True),
        (PublishGrant(NOTHING), "x", None, False),
        (PublishGrant(NOTHING), None, None, False),
        (PublishGrant(of(("catalog", "catalog:*"))), "catalog:x", None, True),
        (PublishGrant(of(("catalog", "catalog:*"))), "catalog", None, True),
        (PublishGrant(of(("catalog", "catalog:*"))), "catalogue", None, False),
        (PublishGrant(EVERYTHING, TEAM), "x", None, False),
        (PublishGrant(EVERYTHING, TEAM), None, None, False),
        (PublishGrant(EVERYTHING, TEAM), None, TEAM, True),
        (PublishGrant(EVERYTHING, TEAM), "x", TEAM, True),
        (PublishGrant(EVERYTHING, TEAM), "x", frozenset(), True),
        (PublishGrant(EVERYTHING, TEAM), "x", TEAM | {"user:default/x"}, False),
        (PublishGrant(EVERYTHING, frozenset({"group:default/*"})), "x", TEAM, True),
        (PublishGrant(EVERYTHING, frozenset({"group:default/*", "user:*"})), "x", TEAM | {"user:default/x"}, True),
        (PublishGrant(EVERYTHING, frozenset({"group:default/*"})), "x", frozenset({"group:other/team"}), False),
        (PublishGrant(EVERYTHING, frozenset()), "x", TEAM, False),
    ],
)
def test_what_a_grant_to_publish_covers(
    grant: PublishGrant, address: str | None, targets: frozenset[str] | None, covered: bool
) -> None:
    """The address is within its filters, a broadcast only within `*`, and each target fits where targets are bound."""
    assert grant.covers(address, targets) is covered
    grants = Grants(publish=(PublishGrant(NOTHING), grant))
    signals = [Signal(b"1", address, targets)]
    if covered:
        check_publish(signals, grants, batch=False)
    else:
        with pytest.raises(NotGranted) as caught:
            check_publish(signals, grants, batch=False)
        assert caught.value.field == ("targetOwnershipEntityRefs" if grant.reaches(address) else "topic")


def test_16_two_grants_do_not_add_up_to_a_third() -> None:
    """16: An address of one grant with targets of another is granted by neither."""
    grants = Grants(publish=(PublishGrant(of(("a",)), TEAM), PublishGrant(of(("b",)))))
    check_publish([Signal(b"1", "a", TEAM), Signal(b"1", "b")], grants, batch=True)
    with pytest.raises(NotGranted, match="not for everyone"):
        check_publish([Signal(b"1", "a")], grants, batch=False)
    with pytest.raises(NotGranted, match="not for these recipients"):
        check_publish([Signal(b"1", "a", frozenset({"user:default/x"}))], grants, batch=False)


def test_16_a_plugin_publishes_as_itself_only() -> None:
    """16: Whatever is granted besides, an address out of bounds is refused, and so is a broadcast."""
    own = of(("catalog", "catalog:*"))
    grants = Grants(publish=(PublishGrant(EVERYTHING),), within=own, admin=True)
    check_publish([Signal(b"1", "catalog"), Signal(b"1", "catalog:x")], grants, batch=True)
    for address in ("catalogue", "scaffolder:x", "x", None):
        with pytest.raises(NotGranted, match="publishes as itself only") as caught:
            check_publish([Signal(b"1", address)], grants, batch=False)
        assert "catalog:*" in caught.value.hint


def test_16_the_signal_of_a_batch_is_named() -> None:
    """16: The first one that is not granted is told by its index; outside of a batch there is none."""
    grants = Grants(publish=(PublishGrant(of(("a",))),))
    signals = [Signal(b"1", "a"), Signal(b"1", "b"), Signal(b"1", "c")]
    with pytest.raises(NotGranted, match="'b'") as caught:
        check_publish(signals, grants, batch=True)
    assert caught.value.index == 1
    with pytest.raises(NotGranted) as caught:
        check_publish(signals[1:], grants, batch=False)
    assert caught.value.index is None
    with pytest.raises(NotGranted):
        check_publish([Signal(b"1", "a")], NO_GRANTS, batch=False)
    check_publish([], NO_GRANTS, batch=True)
