"""An index from an address to those whose topic filters match it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from sse_signals.topics import outermost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.topics import Filters

T = TypeVar("T")


class TopicIndex(Generic[T]):
    """From an address to the entries whose filters match it.

    A look-up costs one dictionary access for exact filters and one for each distinct length of prefix in use (at most
    255), however many filters there are that do not match.
    """

    __slots__ = ("_entries", "_exact", "_partial", "_prefixes")

    def __init__(self) -> None:
        self._exact: dict[str, dict[T, None]] = {}
        self._prefixes: dict[int, dict[str, dict[T, None]]] = {}
        self._entries: dict[T, None] = {}
        self._partial: dict[T, Filters] = {}  # those that leave something out

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: T, filters: Filters) -> None:
        """File an entry under its filters."""
        self._entries[entry] = None
        if filters.partial:
            self._partial[entry] = filters
        exact, prefixes = outermost(filters)
        for text in exact:
            self._exact.setdefault(text, {})[entry] = None
        for prefix in prefixes:
            self._prefixes.setdefault(len(prefix), {}).setdefault(prefix, {})[entry] = None

    def remove(self, entry: T, filters: Filters) -> None:
        """Take an entry out that was filed under these filters.

        Raises:
            KeyError: It was not.
        """
        del self._entries[entry]
        self._partial.pop(entry, None)
        exact, prefixes = outermost(filters)
        for text in exact:
            _discard(self._exact, text, entry)
        for prefix in prefixes:
            same_length = self._prefixes[len(prefix)]
            _discard(same_length, prefix, entry)
            if not same_length:
                del self._prefixes[len(prefix)]

    def match(self, where: str | None) -> Iterable[T]:
        """Return the entries that get what is published at ``where``, each once; a broadcast matches all.

        No entry can be found twice: the outermost filters of one entry do not overlap.
        """
        if where is None:
            return self._entries
        exact: Iterable[T] = self._exact.get(where, ())
        found = [same_length[where[:n]] for n, same_length in self._prefixes.items() if where[:n] in same_length]
        if not found:
            return exact
        entries = [*exact, *(entry for same in found for entry in same)]
        return [entry for entry in entries if self._has(entry, where)] if self._partial else entries

    def _has(self, entry: T, where: str) -> bool:
        filters = self._partial.get(entry)
        return filters is None or filters.match(where)


def _discard(table: dict[str, dict[T, None]], key: str, entry: T) -> None:
    entries = table[key]
    del entries[entry]
    if not entries:
        del table[key]
