"""What nodes tell each other: as it was said, and nothing that was not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.grants import Grants, PublishGrant
from sse_signals.life import orders
from sse_signals.life.orders import Drain, Look, Order, Renew, Revoke
from sse_signals.life.revocations import KINDS, Revocation
from sse_signals.topics import Filters
from tests.fakes import NOON
from tests.life.cluster import ann

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
filters = st.sampled_from([Filters.parse(["a"]), Filters.parse(["a", "b*"]), Filters.parse(["*"])])
grants = st.builds(
    Grants,
    publish=st.lists(st.builds(PublishGrant, filters, st.sampled_from([None, frozenset({"group:*"})]))).map(tuple),
    subscribe=st.none() | filters,
    unmarked=st.booleans(),
    private=filters,
    within=st.none() | filters,
    admin=st.booleans(),
)
identities = st.builds(
    ann,
    owns=st.sampled_from([frozenset(), frozenset({"group:default/g", "user:default/ann"})]),
    token_id=st.none() | names,
    subject=st.none() | names,
    issued_ms=st.none() | st.integers(0, 2**50),
    expires_ms=st.none() | st.integers(0, 2**50),
    grants=grants,
)
every_order = st.one_of(
    st.builds(Revoke, st.builds(Revocation, st.sampled_from(KINDS), names, st.integers(0, 2**50))),
    st.builds(Renew, names, identities),
    st.builds(Drain, names),
    st.just(Look()),
)


@given(every_order)
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    """Nothing is lost between two nodes, neither a grant nor an absence."""
    assert orders.decode(orders.encode(order)) == order


@pytest.mark.parametrize("text", [b'{"v":2}', b'{"v":2,"do":"revoke"}', b'{"v":1,"do":"dance"}', b'{"v":1,"do":null}'])
def test_what_a_newer_version_says_is_passed_over(text: bytes) -> None:
    """Nodes of two versions live together while they are replaced one after another."""
    assert orders.decode(text) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"1",
        b"{}",
        b'{"v":1}',
        b'{"v":1,"do":"drain"}',
        b'{"v":1,"do":"renew","stream":"x"}',
        b'{"v":1,"do":"renew","stream":"x","identity":null}',
        b'{"v":1,"do":"renew","stream":"x","identity":{"subject":"x"}}',
        b'{"v":1,"do":"revoke","kind":"stream"}',
        b'{"v":1,"do":"revoke","kind":"everybody","name":"x","at":1}',
    ],
)
def test_what_is_no_order_says_so(text: bytes) -> None:
    """A broken order is never taken for another one, nor for half of one."""
    with pytest.raises(ValueError, match=r"."):
        orders.decode(text)


def test_11_an_order_holds_no_token() -> None:
    """11: a renewal tells other nodes who somebody is, not by what that was proved."""
    text = orders.encode(Renew("0123abcd-0123456789abcdef", ann(expires_ms=NOON)))
    assert sorted(json.loads(text)["identity"]) == [
        "expires",
        "grants",
        "issued",
        "issuer",
        "owns",
        "stated",
        "subject",
        "token",
    ]
