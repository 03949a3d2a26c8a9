"""Connections of redis-py that write commands in a fraction of its time, which is most of what a publish costs here.

The format is the array of bulk strings of the Redis serialization protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis.asyncio import Connection, SSLConnection

if TYPE_CHECKING:
    from collections.abc import Iterable


class Packing:
    """Packs commands whose words are texts, bytes and whole numbers."""

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Return the bytes of commands."""
        parts: list[bytes] = []
        for command in commands:
            words = [word if type(word) is bytes else str(word).encode() for word in command]
            parts.append(b"*%d\r\n" % len(words))
            parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
        return [b"".join(parts)]


class PlainConnection(Packing, Connection):
    """One over TCP."""


class SecureConnection(Packing, SSLConnection):
    """One with TLS."""
