"""Addresses and topic filters: their rules, and an index from an address to the filters that match it."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from sse_signals import names
from sse_signals.errors import InvalidInput
from sse_signals.model import CONTROL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    """What a stream asks for: addresses, and prefixes of addresses. Equal sets of filters are equal values.

    Attributes:
        exact: Addresses, none of them covered by a prefix.
        prefixes: Prefixes, none of them covered by another; the empty prefix matches everything.
    """

    exact: frozenset[str]
    prefixes: frozenset[str]
    _starts: tuple[str, ...] = dataclass_field(init=False, compare=False, repr=False)
    _texts: tuple[str, ...] = dataclass_field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", tuple(self.prefixes))
        object.__setattr__(self, "_texts", tuple(sorted([*self.exact, *(prefix + "*" for prefix in self.prefixes)])))

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
        return _parsed(wanted) if wanted else EVERYTHING

    def match(self, where: str | None) -> bool:
        """Say whether a signal published at ``where`` is asked for; a broadcast always is."""
        return where is None or where in self.exact or where.startswith(self._starts)

    def __iter__(self) -> Iterator[str]:
        """Return the filters as text, sorted."""
        return iter(self._texts)


@lru_cache(maxsize=256)  # streams mostly ask for the same; equal filters are then one object in memory
def _parsed(wanted: tuple[str, ...]) -> Filters:
    prefixes = {_prefix(text) for text in wanted if text.endswith("*")}
    exact = {topic(text) for text in wanted if not text.endswith("*")}
    shortest = {p for p in prefixes if not any(p.startswith(other) for other in prefixes if other != p)}
    return Filters(frozenset(e for e in exact if not e.startswith(tuple(shortest))), frozenset(shortest))


EVERYTHING: Final = Filters(frozenset(), frozenset({""}))


def _prefix(text: str) -> str:
    prefix = text[:-1]
    return topic(prefix) if prefix else prefix


T = TypeVar("T")


class TopicIndex(Generic[T]):
    """From an address to the entries whose filters match it.

    A look-up costs one dictionary access for exact filters and one for each distinct length of prefix in use (at most
    255), however many filters there are that do not match.
    """

    __slots__ = ("_entries", "_exact", "_prefixes")

    def __init__(self) -> None:
        self._exact: dict[str, dict[T, None]] = {}
        self._prefixes: dict[int, dict[str, dict[T, None]]] = {}
        self._entries: dict[T, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: T, filters: Filters) -> None:
        """File an entry under its filters."""
        self._entries[entry] = None
        for text in filters.exact:
            self._exact.setdefault(text, {})[entry] = None
        for prefix in filters.prefixes:
            self._prefixes.setdefault(len(prefix), {}).setdefault(prefix, {})[entry] = None

    def remove(self, entry: T, filters: Filters) -> None:
        """Take an entry out that was filed under these filters.

        Raises:
            KeyError: It was not.
        """
        del self._entries[entry]
        for text in filters.exact:
            _discard(self._exact, text, entry)
        for prefix in filters.prefixes:
            same_length = self._prefixes[len(prefix)]
            _discard(same_length, prefix, entry)
            if not same_length:
                del self._prefixes[len(prefix)]

    def match(self, where: str | None) -> Iterable[T]:
        """Return the entries that get what is published at ``where``, each once; a broadcast matches all.

        No entry can be found twice: the filters of one entry do not overlap (see `Filters`).
        """
        if where is None:
            return self._entries
        exact: Iterable[T] = self._exact.get(where, ())
        found = [same_length[where[:n]] for n, same_length in self._prefixes.items() if where[:n] in same_length]
        if not found:
            return exact
        return [*exact, *(entry for entries in found for entry in entries)]


def _discard(table: dict[str, dict[T, None]], key: str, entry: T) -> None:
    entries = table[key]
    del entries[entry]
    if not entries:
        del table[key]
