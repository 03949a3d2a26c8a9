"""Which nodes there are: each says so in the shared state, so that the others know whom they can tell something."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sse_signals.errors import BrokerUnavailable

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from sse_signals.interfaces import SharedState

KEPT: Final = 15.0  # seconds for which a node that says nothing more counts as there
SAY_EVERY: Final = 4.0  # seconds between two words of a node
_PREFIX: Final = "node/"
_SEPARATOR: Final = "-"
_NODE: Final = re.compile(r"[0-9a-f]{8}")
_STREAM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")


def is_stream_name(text: str) -> bool:
    """Say whether a text has the form of a stream's name."""
    return _STREAM.fullmatch(text) is not None


def is_node_name(text: str) -> bool:
    """Say whether a text has the form of a node's name."""
    return _NODE.fullmatch(text) is not None


def is_stream_of(text: str, node: str) -> bool:
    """Say whether a text has the form of the name of a stream on a node."""
    return is_stream_name(text) and text.partition(_SEPARATOR)[0] == node


class Nodes:
    """The nodes of a cluster, seen from one of them.

    Attributes:
        own: The name of this one.
    """

    def __init__(self, state: SharedState) -> None:
        self._state = state
        self.own = secrets.token_hex(4)

    def name_stream(self) -> str:
        """Return a name for a new stream, from which every node sees where the stream is; nobody can guess it."""
        return f"{self.own}{_SEPARATOR}{secrets.token_hex(8)}"

    async def here(self) -> None:
        """Say that this node is there.

        Raises:
            BrokerUnavailable: It cannot be said.
        """
        await self._state.put(_PREFIX + self.own, b"", KEPT)

    async def gone(self) -> None:
        """Say that this node is there no longer; if it cannot be said, the others find out in `KEPT` seconds."""
        with suppress(BrokerUnavailable):
            await self._state.put(_PREFIX + self.own, b"", 0.0)

    async def all(self) -> AbstractSet[str]:
        """Return the names of all nodes that say that they are there, which they do where people authenticate.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        keys = [key.removeprefix(_PREFIX) for key, _ in await self._state.items(_PREFIX)]
        return {name for name in keys if is_node_name(name)}

    async def knows(self, name: str) -> bool:
        """Say whether there is another node of this name.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        if name == self.own or not is_node_name(name):  # others never become part of a key
            return False
        wanted = _PREFIX + name
        return any(key == wanted for key, _ in await self._state.items(wanted))

    async def knows_place_of(self, stream: str) -> bool:
        """Say whether a stream's name is that of a stream on another node that is there.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        return is_stream_name(stream) and await self.knows(stream.partition(_SEPARATOR)[0])
