"""Grants as a token carries them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.auth.grants_claim import read_grants
from sse_signals.errors import NotAuthenticated
from sse_signals.grants import NO_GRANTS, Grants, PublishGrant
from sse_signals.topics import EVERYTHING, NOTHING, of


def refusal(claim: Any) -> str:
    """Return how a claim is refused."""
    with pytest.raises(NotAuthenticated) as caught:
        read_grants(claim)
    assert caught.value.cause == "bad-grants"
    return caught.value.detail


ORDERS = of(("orders/*",))


@pytest.mark.parametrize(
    ("claim", "grants"),
    [
        ({}, NO_GRANTS),
        ({"publish": []}, NO_GRANTS),
        ({"admin": False}, NO_GRANTS),
        ({"admin": True}, Grants(admin=True)),
        ({"subscribe": ["orders/*"]}, Grants(subscribe=ORDERS)),
        ({"subscribe": ["a", "*"]}, Grants(subscribe=EVERYTHING)),
        ({"subscribe": []}, Grants(subscribe=NOTHING)),
        ({"publish": ["orders/*"]}, Grants(publish=(PublishGrant(ORDERS),))),
        ({"publish": ["*"]}, Grants(publish=(PublishGrant(EVERYTHING),))),
        ({"publish": ["a", "b"]}, Grants(publish=(PublishGrant(of(("a",))), PublishGrant(of(("b",)))))),
        ({"publish": [{"topics": ["orders/*"]}]}, Grants(publish=(PublishGrant(ORDERS),))),
        ({"publish": [{"plugins": ["catalog"]}]}, Grants(publish=(PublishGrant(of(("catalog", "catalog:*"))),))),
        (
            {"publish": [{"topics": ["a"], "plugins": ["b"], "targets": ["Group:Default/*", "user:jane"]}]},
            Grants(publish=(PublishGrant(of(("a", "b", "b:*")), frozenset({"group:default/*", "user:default/jane"})),)),
        ),
    ],
)
def test_grants_are_what_the_claim_says(claim: dict[str, Any], grants: Grants) -> None:
    """And nothing besides: what may be read without a grant, rules decide later."""
    assert read_grants(claim) == grants
    assert read_grants(claim).unmarked is False
    assert (read_grants(claim).subscribe is None) == ("subscribe" not in claim)


@pytest.mark.parametrize(
    ("claim", "what"),
    [
        (None, "the claim is not an object"),
        ([], "the claim is not an object"),
        ("admin", "the claim is not an object"),
        (True, "the claim is not an object"),
        ({"Admin": True}, "'Admin' is unknown: the claim may have admin, publish, subscribe"),
        ({"admin": True, "deny": []}, "'deny' is unknown"),
        ({"admin": 1}, "'admin' is neither"),
        ({"admin": "true"}, "'admin' is neither"),
        ({"admin": None}, "'admin' is neither"),
        ({"subscribe": "orders/*"}, "'subscribe' is not an array"),
        ({"subscribe": None}, "'subscribe' is not an array"),
        ({"subscribe": [5]}, "'subscribe' holds something that is not text"),
        ({"subscribe": ["a", {"topics": ["b"]}]}, "'subscribe' holds something that is not text"),
        ({"subscribe": ["a*b"]}, "breaks the rules"),
        ({"subscribe": ["a**"]}, "breaks the rules"),
        ({"subscribe": [""]}, "breaks the rules"),
        ({"subscribe": ["a\n"]}, "breaks the rules"),
        ({"subscribe": ["a"] * 257}, "'subscribe' is not an array of at most 256"),
        ({"publish": "*"}, "'publish' is not an array"),
        ({"publish": {}}, "'publish' is not an array"),
        ({"publish": [5]}, "an entry of 'publish' is not an object"),
        ({"publish": [None]}, "an entry of 'publish' is not an object"),
        ({"publish": [["*"]]}, "an entry of 'publish' is not an object"),
        ({"publish": ["a*b"]}, "breaks the rules"),
        ({"publish": [{}]}, "neither topics nor plugins"),
        ({"publish": [{"targets": ["group:default/a"]}]}, "neither topics nor plugins"),
        ({"publish": [{"topics": []}]}, "neither topics nor plugins"),
        ({"publish": [{"topics": ["a"], "target": ["group:default/a"]}]}, "'target' is unknown"),
        ({"publish": [{"topics": "a"}]}, "'topics' is not an array"),
        ({"publish": [{"plugins": ["a:b"]}]}, "breaks the rules"),
        ({"publish": [{"plugins": ["*"]}]}, "breaks the rules"),
        ({"publish": [{"topics": ["a"], "targets": []}]}, "'targets' is empty"),
        ({"publish": [{"topics": ["a"], "targets": None}]}, "'targets' is not an array"),
        ({"publish": [{"topics": ["a"], "targets": ["group"]}]}, "breaks the rules"),
        ({"publish": [{"topics": ["a"], "targets": ["gr*up:*"]}]}, "breaks the rules"),
        ({"publish": ["a", {"topics": ["b"], "x\x1b": 1}]}, r"'x\x1b' is unknown"),
    ],
)
def test_a_mistake_refuses_the_whole_token(claim: object, what: str) -> None:
    """A restriction that was misspelt would otherwise be none; the refusal says where the mistake is."""
    assert what in refusal(claim)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["*", "a", "a*", "group:a", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["publish", "subscribe", "admin", "topics", "plugins", "targets"]), inner),
    ),
)


@given(claim=JSON)
def test_any_claim_is_read_or_refused(claim: Any) -> None:
    """And never fails in another way."""
    try:
        grants = read_grants(claim)
    except NotAuthenticated:
        return
    assert grants.admin == claim.get("admin", False)
    assert len(grants.publish) == len(claim.get("publish", []))
