"""Who may see and say what, once more in twenty plain lines: string comparisons, and nothing of the hub's own code."""

from __future__ import annotations

from dataclasses import dataclass

Texts = tuple[str, ...]
Grant = tuple[Texts, Texts | None]  # topic filters, and patterns of targets


@dataclass(frozen=True)
class Person:
    """Somebody with a token, or with none if there is no name; what the token grants is written in it."""

    name: str | None
    owns: Texts = ()
    publish: tuple[Grant, ...] = ()
    subscribe: Texts | None = None
    within: Texts | None = None


@dataclass(frozen=True)
class Rule:
    """One rule of the operator's file."""

    who: Texts
    publish: tuple[Grant, ...] = ()
    subscribe: Texts = ()


@dataclass(frozen=True)
class Law:
    """The operator's file: what is private, and the rules."""

    private: Texts
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Said:
    """A signal: where it goes, and whom it is for."""

    where: str | None
    targets: Texts | None = None


def ref(text: str) -> str:
    kind, name = text.lower().split(":")
    return f"{kind}:{name}" if "/" in name else f"{kind}:default/{name}"


def fits(text: str, patterns: Texts) -> bool:
    return any(text.startswith(each[:-1]) if each.endswith("*") else text == each for each in patterns)


def owned(person: Person) -> set[str]:
    return {ref(each) for each in person.owns}


def rules_for(law: Law, person: Person) -> list[Rule]:
    if person.name is None:
        return [rule for rule in law.rules if "anonymous" in rule.who]
    names = {"*", person.name} - {"anonymous"}
    refs = {who: ref(who) for rule in law.rules for who in rule.who if ":" in who and not who.startswith("plugin:")}
    mine = names | owned(person)
    return [rule for rule in law.rules if any(who in names or refs.get(who) in mine for who in rule.who)]


def may_read(law: Law, person: Person, where: str) -> bool:
    named = [person.subscribe or (), *(rule.subscribe for rule in rules_for(law, person))]
    return any(fits(where, each) for each in named) or (person.subscribe is None and not fits(where, law.private))


def on_topic(law: Law, person: Person, asked: Texts, said: Said) -> bool:
    return said.where is None or (fits(said.where, asked) and may_read(law, person, said.where))


def receives(law: Law, person: Person, asked: Texts, said: Said) -> bool:
    mine = said.targets is None or any(ref(target) in owned(person) for target in said.targets)
    return mine and on_topic(law, person, asked, said)


def refused(law: Law, person: Person, asked: Texts) -> list[str]:
    """Return the filters of which nothing may be read; one that lies within another is not looked at by itself."""
    wide = [each for each in asked if each.endswith("*")]
    outer = [each for each in asked if not any(w != each and each.rstrip("*").startswith(w[:-1]) for w in wide)]
    texts = [*asked, *law.private, *(person.subscribe or ()), *(t for rule in law.rules for t in rule.subscribe)]
    places = {text.rstrip("*") + more for text in texts for more in ("", "~")} - {""}  # a "~" stands in no filter
    readable = {where for where in places if may_read(law, person, where)}
    return [each for each in outer if not any(fits(where, (each,)) for where in readable)]


def may_publish(law: Law, person: Person, said: Said) -> bool:
    def reach(filters: Texts) -> bool:
        return "*" in filters if said.where is None else fits(said.where, filters)

    def aim(patterns: Texts | None) -> bool:
        forms = tuple(each.lower() if each.endswith("*") else ref(each) for each in patterns or ())
        return patterns is None or (said.targets is not None and all(fits(ref(each), forms) for each in said.targets))

    grants = [*person.publish, *(grant for rule in rules_for(law, person) for grant in rule.publish)]
    bounded = person.within is None or reach(person.within)
    return bounded and any(reach(filters) and aim(targets) for filters, targets in grants)
