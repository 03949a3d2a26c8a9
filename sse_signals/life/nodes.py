"""Which nodes there are: each says so in the shared state, so that the others know whom they can tell something."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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

    async def knows(self, name: str) -> bool:
        """Say whether there is another node of this name.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        if name == self.own or not _NODE.fullmatch(name):  # others never become part of a key
            return False
        wanted = _PREFIX + name
        return any(key == wanted for key, _ in await self._state.items(wanted))

    async def knows_place_of(self, stream: str) -> bool:
        """Say whether a stream's name is that of a stream on another node that is there.

        Raises:
            BrokerUnavailable: Nobody can tell.
        """
        return is_stream_name(stream) and await self.knows(stream.partition(_SEPARATOR)[0])
