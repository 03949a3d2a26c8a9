from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sse_signals.errors import InvalidInput
from sse_signals.identity import ANONYMOUS, Identity, entitled
from sse_signals.refs import entity_ref

REFS = st.sets(st.sampled_from(["group:default/a", "group:default/b", "user:default/a"]))


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("group:default/team-a", "group:default/team-a"),
        ("Group:Default/Team-A", "group:default/team-a"),
        ("user:guest", "user:default/guest"),
        ("USER:development/Guest", "user:development/guest"),
        ("group:default/Größe", "group:default/größe"),
        ("group:cafe\u0301", "group:default/café"),
    ],
)
def test_a_ref_is_normalised(text: str, ref: str) -> None:
    """Refs are compared in lower case, with the namespace they have when none is written."""
    assert entity_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "team-a",
            "default/team-a",
            ":a",
            "group:",
            "group:/a",
            "group:default/",
            "group:a/b/c",
            "a:b:c",
            "group:a b",
        ],
        *["group:a\n", "group:\u200ba", "group:" + "a" * 250, " group:a", "group: a", "group:a\u3000b", "*"],
    ],
)
def test_what_is_no_ref_is_refused(text: str) -> None:
    """A target that nobody could own is a mistake of its publisher, and told so."""
    with pytest.raises(InvalidInput) as caught:
        entity_ref(text)
    assert caught.value.field == "targetOwnershipEntityRefs"


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
@example("group", "\u0130", "\u0130\u0323")
@example("g", "", "\N{ANGSTROM SIGN}\N{GREEK CAPITAL LETTER SIGMA}")
def test_normalising_twice_changes_nothing(kind: str, namespace: str, name: str) -> None:
    """The normalised form has the one shape, and is its own normalised form."""
    try:
        ref = entity_ref(f"{kind}:{namespace}/{name}" if namespace else f"{kind}:{name}")
    except InvalidInput:
        return
    assert entity_ref(ref) == ref
    before, _, after = ref.partition(":")
    assert before
    assert after.count("/") == 1
    assert ref == ref.lower()


def test_upper_and_lower_case_are_the_same_owner() -> None:
    """However two people write a ref, it is the same."""
    assert entity_ref("GROUP:Sales/EMEA") == entity_ref("group:sales/emea")


@pytest.mark.parametrize(
    ("owns", "targets", "may"),
    [
        ((), None, True),
        (("group:default/a",), None, True),
        ((), [], False),
        (("group:default/a",), [], False),
        ((), ["group:default/a"], False),
        (("group:default/a",), ["group:default/b"], False),
        (("group:default/a",), ["group:default/b", "group:default/a"], True),
        (("group:default/a",), ["group:default/A"], False),
    ],
)
def test_who_may_have_what(owns: tuple[str, ...], targets: list[str] | None, may: bool) -> None:
    """Only the absence of targets means everyone; an empty list, or none owned, means no."""
    assert entitled(Identity("user:default/x", frozenset(owns)), None if targets is None else frozenset(targets)) is may


def test_what_an_identity_owns_is_normalised() -> None:
    """However its issuer writes a ref, it is the one that publishers target; what is no ref is refused."""
    assert Identity("s", frozenset({"Group:Team-A"})).owns == {"group:default/team-a"}
    with pytest.raises(InvalidInput):
        Identity("s", frozenset({""}))


@given(REFS, REFS)
def test_entitlement_is_owning_one_target(owns: set[str], targets: set[str]) -> None:
    """Whatever is owned and targeted: one in common means yes, and somebody anonymous has none."""
    assert entitled(Identity("s", frozenset(owns)), frozenset(targets)) == bool(owns & targets)
    assert not entitled(ANONYMOUS, frozenset(targets))
