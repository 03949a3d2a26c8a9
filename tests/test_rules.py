from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sse_signals.grants import Grants, PublishGrant
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.rules import NO_RULES, Rule, Rules
from sse_signals.topics import EVERYTHING, NOTHING, of

ANN = "user:default/ann"
OPS = "group:default/ops"


def publish(*texts: str, targets: list[str] | None = None) -> PublishGrant:
    return PublishGrant(of(texts), None if targets is None else frozenset(targets))


def rule(*who: str, **grants: object) -> Rule:
    return Rule(frozenset(who), **grants)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "identity", "concerned"),
    [
        ("*", Identity(ANN), True),
        ("*", Identity("plugin:catalog"), True),
        ("*", Identity("key:ci"), True),
        ("*", ANONYMOUS, False),
        ("anonymous", ANONYMOUS, True),
        ("anonymous", Identity(ANN), False),
        ("anonymous", Identity("anonymous"), False),
        ("*", Identity("*"), True),
        ("sub-1", Identity("sub-1"), True),
        ("sub-1", Identity("Sub-1"), False),
        ("sub-1", Identity("sub-12"), False),
        (ANN, Identity(ANN), True),
        ("User:Ann", Identity("x", frozenset({ANN})), True),
        ("User:Ann", Identity("User:Ann"), True),
        ("Group:ops", Identity(ANN, frozenset({OPS, ANN})), True),
        (OPS, Identity(ANN, frozenset({"group:default/ops2"})), False),
        (OPS, Identity(ANN), False),
        (OPS, ANONYMOUS, False),
        ("plugin:catalog", Identity("plugin:catalog"), True),
        ("plugin:catalog", Identity("plugin:catalog2"), False),
        ("plugin:catalog", Identity(ANN, frozenset({"plugin:default/catalog"})), False),
        ("key:ci", Identity("key:ci"), True),
        ("key:ci", Identity(ANN, frozenset({"key:default/ci"})), False),
    ],
)
def test_whom_a_rule_concerns(who: str, identity: Identity, concerned: bool) -> None:
    """A subject to the letter, an entity ref that is owned, everybody known, or nobody known; no more than that."""
    after = Rules(rules=(rule(who, admin=True),)).apply(identity)
    assert after.grants.admin is concerned


def test_without_rules_all_may_be_read_and_nothing_published() -> None:
    """Who has no grants may read everything that is not private, publish nothing, and is no administrator."""
    for identity in (Identity(ANN), ANONYMOUS):
        assert NO_RULES.apply(identity).grants == Grants(unmarked=True)
    private = of(("hr:*",))
    assert Rules(private).apply(Identity(ANN)).grants == Grants(unmarked=True, private=private)


def test_what_rules_grant_is_added_up() -> None:
    """Whoever several rules concern has all that they grant, beside what the credentials do."""
    orders, news = publish("orders/*"), publish("news", targets=[OPS])
    rules = Rules(
        of(("audit/*",)),
        (
            rule(ANN, publish=(orders,)),
            rule(OPS, publish=(news, orders), subscribe=of(("audit/a*",))),
            rule("*", subscribe=of(("audit/all",))),
            rule("other", publish=(publish("x"),), subscribe=EVERYTHING, admin=True),
        ),
    )
    own = publish("own")
    identity = Identity(ANN, frozenset({ANN, OPS}), grants=Grants(publish=(own,), admin=True), token_id="t")
    after = rules.apply(identity)
    assert (after.subject, after.owns, after.token_id) == (ANN, identity.owns, "t")
    assert after.grants == Grants(
        publish=(own, orders, news), subscribe=of(("audit/a*",)), unmarked=True, private=of(("audit/*",)), admin=True
    )
    assert rules.apply(Identity("b")).grants.subscribe == of(("audit/all",))
    assert not rules.apply(Identity("b")).grants.publish


def test_what_credentials_grant_to_read_is_all_besides_rules() -> None:
    """A token that names what may be read allows nothing else; rules by name still count; naming nothing is naming."""
    rules = Rules(of(("hr:*",)), (rule("*", subscribe=of(("hr:all",))),))
    for named in (of(("orders/*",)), NOTHING):
        after = rules.apply(Identity("a", grants=Grants(subscribe=named)))
        assert not after.grants.unmarked
        assert after.grants.subscribe == of((*named, "hr:all"))
    assert Rules().apply(Identity("a", grants=Grants(subscribe=NOTHING))).grants == Grants(subscribe=NOTHING)


def test_a_plugin_stays_within_its_bounds() -> None:
    """Whatever rules grant to a plugin, it publishes as itself only."""
    own = of(("catalog", "catalog:*"))
    rules = Rules(rules=(rule("plugin:catalog", publish=(publish("*"),), admin=True),))
    after = rules.apply(Identity("plugin:catalog", grants=Grants(publish=(PublishGrant(own),), within=own)))
    assert after.grants.within == own
    assert after.grants.publish == (PublishGrant(own), publish("*"))


def test_an_identity_that_gains_nothing_is_the_same() -> None:
    """Rules are applied for each request; where they change nothing, nothing is made."""
    identity = NO_RULES.apply(Identity(ANN, frozenset({OPS})))
    assert NO_RULES.apply(identity) is identity


FILTERS = st.lists(st.sampled_from(["a", "a*", "ab", "b:*", "*"]), max_size=3).map(tuple).map(of)
GRANTS = st.lists(st.builds(PublishGrant, FILTERS), max_size=2).map(tuple)
WHO = st.sampled_from(["*", "anonymous", ANN, OPS, "plugin:p", "key:k"])
RULES = st.builds(
    Rules,
    FILTERS,
    st.lists(
        st.builds(Rule, st.frozensets(WHO, min_size=1), GRANTS, st.none() | FILTERS, st.booleans()), max_size=4
    ).map(tuple),
)
IDENTITIES = st.builds(
    Identity,
    st.sampled_from([None, ANN, "plugin:p", "key:k", "x"]),
    st.frozensets(st.sampled_from([ANN, OPS])),
    st.builds(Grants, GRANTS, st.none() | FILTERS, within=st.none() | FILTERS, admin=st.booleans()),
)


@given(RULES, IDENTITIES, st.sampled_from([None, "a", "ab", "abc", "b:x", "c"]))
def test_rules_only_add(rules: Rules, identity: Identity, where: str | None) -> None:
    """Applied twice they do what they did at once; nothing that the credentials grant is lost, no bound is moved."""
    after = rules.apply(identity)
    assert rules.apply(after) == after
    before, grants = identity.grants, after.grants
    assert grants.within == before.within
    assert grants.admin >= before.admin
    assert set(before.publish) <= set(grants.publish)
    assert grants.unmarked is (before.subscribe is None)
    assert grants.private == rules.private
    concerning = [
        one
        for one in rules.rules
        if (identity.subject is None and "anonymous" in one.who)
        or (identity.subject is not None and one.who & {"*", identity.subject, *identity.owns})
    ]
    named = [one.subscribe for one in concerning if one.subscribe is not None]
    named += [] if before.subscribe is None else [before.subscribe]
    assert (grants.subscribe is None) == (not named)
    if where is not None and grants.subscribe is not None:
        assert grants.subscribe.match(where) == any(filters.match(where) for filters in named)
    assert set(grants.publish) == {*before.publish, *(grant for one in concerning for grant in one.publish)}
    assert grants.admin == (before.admin or any(one.admin for one in concerning))
