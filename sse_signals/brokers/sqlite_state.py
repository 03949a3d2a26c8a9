"""The shared state of a log in a file: in the same file, by the same thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sse_signals.brokers.sqlite_file import LogFile

_FOR_EVER: Final = 2**62  # milliseconds: more than that, SQLite cannot hold


class SqliteState:
    """A `sse_signals.interfaces.SharedState` in the file of a log. Names are bytes there, compared as they are."""

    def __init__(self, ask: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        """Make it.

        Args:
            ask: Has something done with the file.
        """
        self._ask = ask

    async def claim(self, key: str, ttl: float) -> bool:
        """See `sse_signals.interfaces.SharedState.claim`."""
        name, ttl_ms = _bytes(key), _milliseconds(ttl)
        won: bool = await self._ask(lambda file: _keep(file, "INSERT OR IGNORE", name, b"", ttl_ms))
        return won

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """See `sse_signals.interfaces.SharedState.put`."""
        name, ttl_ms = _bytes(key), _milliseconds(ttl)
        await self._ask(lambda file: _keep(file, "INSERT OR REPLACE", name, value, ttl_ms))

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """See `sse_signals.interfaces.SharedState.items`."""
        begin = _bytes(prefix)
        found: Sequence[tuple[str, bytes]] = await self._ask(lambda file: _items(file, begin), writes=False)
        return found


def _keep(file: LogFile, how: str, name: bytes, value: bytes, ttl_ms: int) -> bool:
    now_ms = file.clock()
    file.connection.execute("DELETE FROM state WHERE until_ms <= ?", (now_ms,))
    kept = file.connection.execute(f"{how} INTO state VALUES (?, ?, ?)", (name, value, now_ms + ttl_ms))
    return kept.rowcount == 1


def _items(file: LogFile, begin: bytes) -> Sequence[tuple[str, bytes]]:
    rows = file.connection.execute(
        "SELECT key, value FROM state WHERE key >= ? AND key < ? AND until_ms > ?",
        (begin, begin + b"\xff", file.clock()),  # no text holds such a byte
    )
    return [(key.decode("utf-8", "surrogatepass"), value) for key, value in rows]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _milliseconds(seconds: float) -> int:
    return min(round(seconds * 1000), _FOR_EVER)
