"""The shared state on Redis: three keys beside the log, whatever the names in it are."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from sse_signals.brokers.redis_lua import call
from sse_signals.brokers.redis_scripts import CLAIM, ITEMS, PUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.brokers.redis_line import Line
    from sse_signals.brokers.redis_lua import Keys


class RedisState:
    """A `sse_signals.interfaces.SharedState` on a Redis server, by that server's clock.

    What is over is thrown away when something is put, and all of it when nothing is put any more.
    """

    def __init__(self, line: Line, keys: Keys) -> None:
        self._line = line
        self._keys = (keys.values, keys.names, keys.state_ends)

    async def claim(self, key: str, ttl: float) -> bool:
        """See `sse_signals.interfaces.SharedState.claim`."""
        command = call(CLAIM, self._keys, _bytes(key), ceil(ttl * 1000))
        taken, _ = await self._line.call(lambda _: command)
        return bool(taken)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """See `sse_signals.interfaces.SharedState.put`."""
        command = call(PUT, self._keys, _bytes(key), ceil(ttl * 1000), value)
        await self._line.call(lambda _: command, size=len(value))

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        """See `sse_signals.interfaces.SharedState.items`."""
        command = call(ITEMS, self._keys, _bytes(prefix))
        found, _ = await self._line.call(lambda _: command, writes=False)
        return [(key.decode(errors="surrogatepass"), value) for key, value in zip(found[::2], found[1::2], strict=True)]


def _bytes(key: str) -> bytes:
    return key.encode(errors="surrogatepass")
