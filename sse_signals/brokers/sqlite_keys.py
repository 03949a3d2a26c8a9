"""The idempotency keys of a log in a file: all in memory, and those that are in force in the file as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sse_signals.errors import IdempotencyConflict, IdempotencyTableFull

if TYPE_CHECKING:
    import sqlite3

    from sse_signals.model import IdempotencyKey


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was published under a key.

    Attributes:
        digest: Of the request.
        record: The number of its record.
        count: How many signals it had.
        until_ms: When the key is forgotten.
    """

    digest: bytes
    record: int
    count: int
    until_ms: int


class Keys:
    """What is remembered. Keys of a transaction count within it, and are forgotten if it fails."""

    def __init__(self, connection: sqlite3.Connection, bound: int) -> None:
        """Read what the file remembers.

        Args:
            connection: To the file.
            bound: Keys that may be remembered at once.
        """
        self._connection = connection
        self._bound = bound
        self._held: dict[tuple[bytes, bytes], Remembered] = {}
        self._new: dict[tuple[bytes, bytes], Remembered] = {}
        rows = connection.execute(
            "SELECT publisher, key, digest, record, count, until_ms FROM keys ORDER BY until_ms, record"
        )
        for publisher, key, *what in rows:
            self._held[publisher, key] = Remembered(*what)

    def find(self, key: IdempotencyKey, now_ms: int) -> Remembered | None:
        """Return what was published under a key; None if it may be used.

        Raises:
            IdempotencyConflict: It was used for something else.
            IdempotencyTableFull: It was not used, and cannot be remembered.
        """
        name = _name(key)
        known = self._new.get(name) or self._held.get(name)
        if known is None:
            if len(self._held) + len(self._new) >= self._bound:
                oldest = next(iter(self._held.values() or self._new.values()))
                raise IdempotencyTableFull((oldest.until_ms - now_ms) / 1000)
        elif known.digest != key.digest:
            raise IdempotencyConflict("the idempotency key was used for another request")
        return known

    def remember(self, key: IdempotencyKey, what: Remembered) -> None:
        """Remember a key, in the transaction of its record."""
        publisher, text = name = _name(key)
        self._connection.execute(
            "INSERT INTO keys (record, publisher, key, digest, count, until_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (what.record, publisher, text, what.digest, what.count, what.until_ms),
        )
        self._new[name] = what

    def forget(self, now_ms: int) -> None:
        """Forget the keys whose time is over, in a transaction."""
        while self._held:
            oldest = next(iter(self._held))
            if self._held[oldest].until_ms > now_ms:
                break
            del self._held[oldest]
        self._connection.execute("DELETE FROM keys WHERE until_ms <= ?", (now_ms,))

    def settle(self, *, kept: bool) -> None:
        """End a transaction; its keys are remembered if it was kept."""
        if kept:
            self._held.update(self._new)
        self._new = {}


def _name(key: IdempotencyKey) -> tuple[bytes, bytes]:
    """Return a key as bytes: any text can be that, and no text means anything to the file."""
    return key.publisher.encode("utf-8", "surrogatepass"), key.key.encode("utf-8", "surrogatepass")
