"""Identities on their way from node to node."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.grants import ALL_GRANTS, NO_GRANTS, Grants, PublishGrant
from sse_signals.identity import ANONYMOUS, ANYBODY, Identity
from sse_signals.life.passport import decode, encode, from_json, to_json
from sse_signals.topics import NOTHING, Filters, of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NAMES = st.text("abc:/é注*", min_size=1, max_size=6).map(lambda text: text.replace("*", ""))
TOPICS = NAMES.filter(bool)
FILTERS = st.lists(st.one_of(TOPICS, NAMES.map(lambda text: text + "*")), max_size=5).map(
    lambda texts: of(tuple(texts))
)
REFS = st.sampled_from(["user:default/ann", "group:default/a", "group:team/b", "Group:x"])
PATTERNS = st.sampled_from(["*", "group:*", "user:default/a*", "user:default/ann"])
PUBLISH = st.builds(PublishGrant, FILTERS, st.none() | st.frozensets(PATTERNS))
GRANTS = st.builds(
    Grants,
    publish=st.lists(PUBLISH, max_size=3).map(tuple),
    subscribe=st.none() | FILTERS,
    unmarked=st.booleans(),
    private=FILTERS,
    within=st.none() | FILTERS,
    admin=st.booleans(),
)
TIMES = st.none() | st.integers(0, 2**53)
IDENTITIES = st.builds(
    Identity,
    subject=st.none() | TEXTS,
    owns=st.frozensets(REFS),
    grants=GRANTS,
    expires_ms=TIMES,
    issued_ms=TIMES,
    token_id=st.none() | TEXTS,
    issuer=st.none() | TEXTS,
    stated=st.none() | GRANTS,
)
WHOLE = Identity(
    "user:default/ann", frozenset({"group:default/a"}), Grants(publish=(PublishGrant(of(("a",)), frozenset({"*"})),))
)


@given(IDENTITIES)
def test_an_identity_arrives_as_it_left(identity: Identity) -> None:
    """Whatever an identity is, owns and may do, another node reads exactly that, and nothing more."""
    assert decode(encode(identity)) == identity


@pytest.mark.parametrize("identity", [ANONYMOUS, ANYBODY, WHOLE, Identity("a", grants=ALL_GRANTS, stated=NO_GRANTS)])
def test_well_known_identities_arrive(identity: Identity) -> None:
    """Nobody and everybody are who they were: everything stays everything, and nothing stays nothing."""
    assert decode(encode(identity)) == identity
    assert from_json(to_json(identity)) == identity


@pytest.mark.parametrize("place", ["subscribe", "private", "within", "publish"])
def test_what_would_be_lost_is_refused(place: str) -> None:
    """Filters that leave something out have no JSON: it would grant what they leave out."""
    partial = Filters(frozenset(), frozenset({""}), not_exact=frozenset({"secret"}))
    value: Any = (PublishGrant(partial),) if place == "publish" else partial
    with pytest.raises(ValueError, match="leaves something out"):
        to_json(Identity("a", grants=Grants(**{place: value})))


def spoilt() -> list[Any]:
    """Return JSON that is almost an identity."""
    good = to_json(WHOLE)
    found: list[Any] = [None, [], 1, "x", {}]
    for name in good:
        found += [{key: value for key, value in good.items() if key != name}, {**good, name: 1.5}, {**good, name: {}}]
    wrong: Any
    for name, wrong in (("subject", 1), ("owns", "user:a"), ("owns", [1]), ("owns", ["\n"]), ("issued", True)):
        found.append({**good, name: wrong})
    grants = good["grants"]
    for name, wrong in (
        ("admin", "false"),
        ("admin", 1),
        ("unmarked", 1),
        ("subscribe", "ab"),
        ("subscribe", [1]),
        ("private", None),
        ("private", ["a\0"]),
        ("publish", {}),
        ("publish", [None]),
        ("publish", [{"topics": "ab", "targets": None}]),
        ("publish", [{"topics": ["a"], "targets": "ab"}]),
        ("publish", [{"topics": ["a"], "targets": [1]}]),
        ("publish", [{"topics": ["a"]}]),
    ):
        found.append({**good, "grants": {**grants, name: wrong}})
    return found


@pytest.mark.parametrize("value", spoilt())
def test_what_is_no_identity_is_refused(value: Any) -> None:
    """JSON that only looks like an identity is an error, and never becomes a right."""
    with pytest.raises(ValueError, match=r"."):
        decode(orjson.dumps(value))


def test_what_is_no_json_is_refused() -> None:
    """Anything else is an error too."""
    with pytest.raises(ValueError, match=r"."):
        decode(b"\xff")


def test_no_private_topics_stay_none() -> None:
    """The absence of grants is kept: None is not an empty list."""
    assert decode(encode(Identity("a", grants=Grants(subscribe=NOTHING)))).grants.subscribe == NOTHING
    assert decode(encode(Identity("a", grants=Grants(subscribe=None)))).grants.subscribe is None
