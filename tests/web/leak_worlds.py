"""Random worlds over small alphabets, in which names collide on purpose: people, rules, what is asked for and said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from sse_signals.auth import rules_file
from sse_signals.grants import Grants, PublishGrant
from sse_signals.topics import of
from tests.web.leak_oracle import Grant, Law, Person, Rule, Said, Texts

if TYPE_CHECKING:
    from sse_signals.rules import Rules

# Names that nobody may meet who does not know them anyway.
SECRET_TOPICS = ("a/canary-topic", "canary-topic:b")
SECRET_REFS = ("group:default/canary-ref", "user:canary-ref/u")
ADDRESSES = ("a", "a/b", "a/b/c", "a:b", "a:b/c", "ab", "abc", "A", "b", "b:a", "a/", *SECRET_TOPICS)
FILTERS = (*ADDRESSES, "*", "a*", "a/*", "a:*", "ab*", "a/b*", "b*", "A*", "a/can*", "canary-topic*")
# The same ref in several forms, and others that differ in a namespace, a kind or a letter.
REFS = (
    *("user:default/u", "User:U", "user:other/u", "group:g", "GROUP:Default/g", "group:other/g", "group:default/gg"),
    *("group:default/u", *SECRET_REFS, "Group:Canary-REF"),
)
PATTERNS = (*REFS, "*", "group:*", "Group:default/*", "user:default/u*", "group:default/g*")
NAMES = ("ann", "user:default/u", "anonymous", "bob")
WHO = (*NAMES, "*", "plugin:a", "User:U", "group:g", "group:other/g", "group:default/canary-ref", "Ann")
PRIVATE = (*SECRET_TOPICS, "a/b", "a:*", "ab*", "a/can*", "b*", "A", "a*", "*")


def texts(choice: Texts, least: int = 0, most: int = 3) -> st.SearchStrategy[Texts]:
    return st.lists(st.sampled_from(choice), min_size=least, max_size=most, unique=True).map(tuple)


def one_in(number: int, strategy: st.SearchStrategy[Texts]) -> st.SearchStrategy[Texts | None]:
    """Choose nothing in all cases but one of so many."""
    return st.one_of(*[st.none()] * (number - 1), strategy)


grants: st.SearchStrategy[Grant] = st.tuples(texts(FILTERS, 1), one_in(2, texts(PATTERNS, 1, 4)))
rules = st.builds(
    Rule, texts(WHO, 1, 4), st.lists(grants, max_size=1).map(tuple), texts(FILTERS) | st.just(("a/can*",))
).filter(lambda rule: bool(rule.publish or rule.subscribe) and not ("anonymous" in rule.who and rule.publish))
laws = st.builds(Law, texts(PRIVATE, 0, 4), st.lists(rules, min_size=1, max_size=4).map(tuple))
targets = one_in(2, texts(REFS, 0, 4))
said = st.builds(Said, st.sampled_from(ADDRESSES) | st.sampled_from((None, "a", "a/b", "a:b", *SECRET_TOPICS)), targets)
asked = st.just(()) | texts(FILTERS, 1, 4)


def persons(name: str | None) -> st.SearchStrategy[Person]:
    if name is None:
        return st.just(Person(None))
    publish = st.lists(grants, max_size=2).map(tuple)
    return st.builds(Person, st.just(name), texts(REFS, 0, 4), publish, one_in(3, texts(FILTERS, 0, 5)))


PLUGIN = ("a", "a:*")
plugins = st.builds(
    Person,
    st.just("plugin:a"),
    texts(REFS, 0, 1),
    st.just(((PLUGIN, None),)) | st.just(((("*",), None),)),
    one_in(3, texts(FILTERS)),
    st.just(PLUGIN),
)


@dataclass(frozen=True)
class Pairing:
    """Somebody, and who they are by a later token."""

    before: Person
    after: Person


@dataclass(frozen=True)
class Request:
    """What one publisher sends in one request; who it is stands in the world's list of people."""

    publisher: int
    signals: tuple[Said, ...]


@dataclass(frozen=True)
class LeakWorld:
    """One world. Everybody asks for each of the sets of filters; what is said later is said after renewals."""

    law: Law
    people: tuple[Pairing, ...]
    asked: tuple[Texts, ...]
    first: tuple[Request, ...]
    later: tuple[Request, ...]


def _requests(number: int) -> st.SearchStrategy[tuple[Request, ...]]:
    batches = st.lists(said, min_size=1, max_size=3).map(tuple)
    request = st.builds(Request, st.integers(0, 5), batches)
    return st.lists(request, min_size=number, max_size=number).map(tuple)


def _pairs(person: st.SearchStrategy[Person]) -> st.SearchStrategy[Pairing]:
    return st.builds(Pairing, person, person) | person.map(lambda same: Pairing(same, same))


worlds = st.builds(
    LeakWorld,
    laws,
    st.tuples(*(_pairs(persons(name)) for name in NAMES), _pairs(plugins), _pairs(persons(None))),
    st.lists(asked, min_size=3, max_size=3, unique=True).map(tuple),
    _requests(5),
    _requests(4),
)


def grants_of(person: Person) -> Grants:
    """Return what a person's token grants, as an authenticator reads it."""
    return Grants(
        publish=tuple(
            PublishGrant(of(filters), None if patterns is None else _rule_targets(patterns))
            for filters, patterns in person.publish
        ),
        subscribe=None if person.subscribe is None else of(person.subscribe),
        within=None if person.within is None else of(person.within),
    )


def _rule_targets(patterns: Texts) -> frozenset[str] | None:
    """Return patterns in their one form: the rules' file brings them into it, as claims do."""
    (rule,) = rules_of(Law((), (Rule(("*",), ((("*",), patterns),)),))).rules
    return rule.publish[0].targets


def rules_of(law: Law) -> Rules:
    """Write the operator's file, and read it as the hub does."""
    lines = [f"private = {json.dumps(law.private)}"]
    for rule in law.rules:
        lines += ["[[rule]]", f"who = {json.dumps(rule.who)}"]
        for filters, patterns in rule.publish:
            lines.append(f"publish = {json.dumps(filters)}")
            lines += [] if patterns is None else [f"targets = {json.dumps(patterns)}"]
        lines += [f"subscribe = {json.dumps(rule.subscribe)}"] if rule.subscribe else []
    return rules_file.parse("\n".join(lines), "rules of a test").rules
