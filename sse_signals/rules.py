"""Rules of an operator: what people, plugins and keys may do besides what their own credentials grant. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Final

from sse_signals import topics
from sse_signals.errors import InvalidInput
from sse_signals.refs import entity_ref, subject_form
from sse_signals.topics import NOTHING, Filters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.grants import Grants, PublishGrant
    from sse_signals.identity import Identity

EVERYBODY: Final = "*"  # whoever has authenticated
NOBODY_KNOWN: Final = "anonymous"  # whoever has not
API_KEY: Final = "key:"
PLUGIN: Final = "plugin:"


@dataclass(frozen=True, slots=True)
class Rule:
    """What some may do.

    Attributes:
        who: Whom it concerns. ``*`` is everybody who has authenticated, ``anonymous`` whoever has not;
            ``plugin:<id>`` and ``key:<name>`` are the subjects of a plugin and of an API key. Anything else is a
            subject, to the letter, or an entity ref that somebody owns.
        publish: What they may publish.
        subscribe: What they may read, even if it is private; None adds nothing.
        admin: Whether they may do what an administrator does.

    Example:
        >>> from sse_signals import PublishGrant
        >>> from sse_signals.topics import Filters
        >>> orders = Filters.parse(["orders/*"])
        >>> rule = Rule(frozenset({"group:default/ops"}), publish=(PublishGrant(orders),), subscribe=orders)
        >>> rule.publish[0].covers("orders/42", targets=None), rule.publish[0].covers("audit", targets=None)
        (True, False)
    """

    who: frozenset[str]
    publish: tuple[PublishGrant, ...] = ()
    subscribe: Filters | None = None
    admin: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a hub.

    Attributes:
        private: What may be read only by those to whom it is granted by name.
        rules: What is granted to whom; who is concerned by several has what they grant together.
    """

    private: Filters = NOTHING
    rules: tuple[Rule, ...] = ()
    _subjects: dict[str, list[int]] = dataclass_field(init=False, compare=False, repr=False)
    _owned: dict[str, list[int]] = dataclass_field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        subjects: defaultdict[str, list[int]] = defaultdict(list)
        owned: defaultdict[str, list[int]] = defaultdict(list)
        for index, rule in enumerate(self.rules):
            for who in rule.who:
                subjects[subject_form(who)].append(index)
                ref = None if who.startswith((API_KEY, PLUGIN)) else _ref(who)
                if ref is not None:
                    owned[ref].append(index)
        object.__setattr__(self, "_subjects", dict(subjects))
        object.__setattr__(self, "_owned", dict(owned))

    def apply(self, identity: Identity) -> Identity:
        """Return an identity with all that it may do: what its credentials grant, and what the rules do.

        Grants to ``subscribe`` in the credentials are all that they allow to read, besides what rules grant by name.
        Without any, everything that is not private may be read. Nobody publishes without a grant. A bound that the
        credentials set (``within``) stays, whatever is granted. Applying rules again changes nothing.
        """
        grants = self._granted(identity.grants, [self.rules[index] for index in sorted(self._concerning(identity))])
        return identity if grants == identity.grants else replace(identity, grants=grants)

    def _concerning(self, identity: Identity) -> set[int]:
        subject = identity.subject
        if subject is None:
            return set(self._subjects.get(NOBODY_KNOWN, ()))
        found = set(self._subjects.get(EVERYBODY, ()))
        if subject != NOBODY_KNOWN:  # whoever is called that is not meant
            found.update(self._subjects.get(subject, ()))
        for ref in self._owned.keys() & identity.owns:
            found.update(self._owned[ref])
        return found

    def _granted(self, own: Grants, rules: list[Rule]) -> Grants:
        added = dict.fromkeys(grant for rule in rules for grant in rule.publish)
        return replace(
            own,
            publish=tuple(dict.fromkeys([*own.publish, *added])),
            subscribe=_together([own.subscribe, *(rule.subscribe for rule in rules)]),
            unmarked=own.unmarked or own.subscribe is None,
            private=self.private,
            admin=own.admin or any(rule.admin for rule in rules),
        )


NO_RULES: Final = Rules()


def _ref(who: str) -> str | None:
    try:
        return entity_ref(who, "who")
    except InvalidInput:
        return None


def _together(several: Iterable[Filters | None]) -> Filters | None:
    """Return the filters that match what one of several does. Grants leave nothing out of their prefixes."""
    named = [filters for filters in several if filters is not None]
    if len(named) < 2:
        return named[0] if named else None
    return topics.of(tuple(sorted({text for filters in named for text in filters})))
