"""Addresses and topic filters: their rules."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from sse_signals import names
from sse_signals.errors import InvalidInput
from sse_signals.model import CONTROL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MAX_FILTERS: Final = 64


def topic(text: str, field: str = "topic") -> str:
    """Return a topic as it is compared: case-sensitive, in normal form C.

    Raises:
        InvalidInput: It breaks a rule of names, or holds a ``*``.
    """
    checked = names.visible(text, field)
    if "*" in checked:
        raise InvalidInput(
            "A '*' stands in it.",
            field=field,
            hint="A topic holds no '*'; only a listener's topic filter may end with one, as in 'orders/*'.",
        )
    return checked


def plugin_id(text: str, field: str = "plugin") -> str:
    """Return a plugin id, checked.

    Raises:
        InvalidInput: It breaks a rule of names, or holds ``:`` or ``*``.
    """
    checked = names.visible(text, field)
    if ":" in checked or "*" in checked:
        raise InvalidInput("A plugin id holds no ':' and no '*'.", field=field, hint="Put the rest into the topic.")
    return checked


def address(plugin: str | None, topic_text: str | None) -> str | None:
    """Return where a signal goes: ``topic``, ``plugin:topic``, ``plugin`` as a whole, or None for a broadcast.

    Raises:
        InvalidInput: A part breaks its rules.
    """
    if plugin is None:
        return None if topic_text is None else topic(topic_text)
    if topic_text is None:
        return plugin_id(plugin)
    return topic(f"{plugin_id(plugin)}:{topic(topic_text)}")


def plugin_filters(plugin: str) -> tuple[str, str]:
    """Return the topic filters that together are everything of a plugin.

    Raises:
        InvalidInput: The plugin id breaks its rules.
    """
    checked = plugin_id(plugin)
    return checked, f"{checked}:*"


def event_name(text: str, field: str = "event") -> str | None:
    """Return an event name, checked; None for ``message``, which is what an event without a name is called.

    Raises:
        InvalidInput: It breaks a rule of names, or is one that pages or the hub use themselves.
    """
    checked = names.visible(text, field)
    if checked in {"open", "error"} or checked.startswith(CONTROL_PREFIX):
        hint = (
            f"'open' and 'error' would fire the page's own handlers, '{CONTROL_PREFIX}*' is the hub's: choose another."
        )
        raise InvalidInput("The name is reserved.", field=field, hint=hint)
    return None if checked == "message" else checked


@dataclass(frozen=True, slots=True)
class Filters:
    """Addresses, and prefixes of addresses: what a stream asks for, or gets. Equal sets of addresses are equal values.

    Where something is excluded, the most specific entry decides: the exact address, or else the longest prefix.

    Attributes:
        exact: Addresses, none of them covered by a prefix.
        prefixes: Prefixes, none of them covered by another; the empty prefix matches everything.
        not_exact: Addresses that are left out although a prefix covers them.
        not_prefixes: Prefixes that are left out of longer-reaching ones.
    """

    exact: frozenset[str]
    prefixes: frozenset[str]
    not_exact: frozenset[str] = frozenset()
    not_prefixes: frozenset[str] = frozenset()
    _starts: tuple[str, ...] = dataclass_field(init=False, compare=False, repr=False)
    _texts: tuple[str, ...] = dataclass_field(init=False, compare=False, repr=False)
    _decisions: dict[str, bool] | None = dataclass_field(init=False, compare=False, repr=False)
    _lengths: tuple[int, ...] = dataclass_field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        exact, prefixes = outermost(self)
        object.__setattr__(self, "_starts", tuple(self.prefixes))
        object.__setattr__(self, "_texts", tuple(sorted([*exact, *(prefix + "*" for prefix in prefixes)])))
        decisions = dict.fromkeys(self.prefixes, True) | dict.fromkeys(self.not_prefixes, False)
        object.__setattr__(self, "_decisions", decisions if self.partial else None)
        object.__setattr__(self, "_lengths", tuple(sorted({len(prefix) for prefix in decisions}, reverse=True)))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Filters:
        """Read topic filters; none at all means everything.

        Args:
            texts: Each an exact topic, or a prefix that ends in ``*``.

        Raises:
            InvalidInput: One breaks the rules, or there are more than 64.
        """
        wanted = tuple(texts)
        if len(wanted) > MAX_FILTERS:
            raise InvalidInput(
                f"There are more than {MAX_FILTERS} topic filters; a plugin counts as two.",
                field="topic",
                hint="Use a prefix such as 'orders/*'.",
            )
        return of(wanted) if wanted else EVERYTHING

    @property
    def partial(self) -> bool:
        """Whether something is left out of a prefix."""
        return bool(self.not_exact or self.not_prefixes)

    def match(self, where: str | None) -> bool:
        """Say whether a signal published at ``where`` is asked for; a broadcast always is."""
        if where is None or where in self.exact:
            return True
        if self._decisions is None:
            return where.startswith(self._starts)
        if where in self.not_exact:
            return False
        # By length, so that the cost does not grow with the number of what is left out.
        decisions = self._decisions
        return next((decisions[where[:n]] for n in self._lengths if where[:n] in decisions), False)

    def __bool__(self) -> bool:
        return bool(self.exact or self.prefixes)

    def __iter__(self) -> Iterator[str]:
        """Return the filters as text, sorted, without those inside others; what is left out is nobody's business."""
        return iter(self._texts)


def outermost(filters: Filters) -> tuple[Collection[str], Collection[str]]:
    """Return the addresses and prefixes that no other prefix of the same filters covers."""
    if not filters.partial:
        return filters.exact, filters.prefixes
    prefixes = [p for p in filters.prefixes if not any(p != q and p.startswith(q) for q in filters.prefixes)]
    return [text for text in filters.exact if not text.startswith(tuple(prefixes))], prefixes


@lru_cache(maxsize=256)  # streams mostly ask for the same; equal filters are then one object in memory
def of(wanted: tuple[str, ...]) -> Filters:
    """Return the filters with these texts, however many; none at all means nothing.

    Raises:
        InvalidInput: One breaks the rules.
    """
    prefixes = {_prefix(text) for text in wanted if text.endswith("*")}
    exact = {topic(text) for text in wanted if not text.endswith("*")}
    shortest = {p for p in prefixes if not any(p.startswith(other) for other in prefixes if other != p)}
    return Filters(frozenset(e for e in exact if not e.startswith(tuple(shortest))), frozenset(shortest))


EVERYTHING: Final = Filters(frozenset(), frozenset({""}))
NOTHING: Final = Filters(frozenset(), frozenset())


def _prefix(text: str) -> str:
    prefix = text[:-1]
    return topic(prefix) if prefix else prefix
