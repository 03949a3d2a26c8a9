"""The file in which ``sse-signals listen --cursor`` keeps its place."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.commands.failures import BAD, fail
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST: Final = 64 * 1024  # bytes
_MEMBERS: Final = frozenset({"url", "topics", "lastEventId"})


@dataclass(frozen=True, slots=True)
class Subscription:
    """Whose place it is: that of another one means nothing here.

    Attributes:
        url: The hub.
        topics: The topic filters, sorted.
    """

    url: str
    topics: tuple[str, ...]


class CursorFile:
    """A place in the log that outlives the command.

    Attributes:
        last_event_id: The place; None before there is one.
    """

    def __init__(self, path: Path, subscription: Subscription) -> None:
        """Read what is there.

        Raises:
            ConfigurationError: It cannot be read, or is not the place of this subscription.
        """
        self._path = path.resolve()  # a link stays one
        self._subscription = subscription
        self._failed = False
        self.last_event_id = self._read()

    def keep(self, last_event_id: str | None) -> None:
        """Write a place, whole or not at all; the command ends if that fails."""
        if last_event_id is None or last_event_id == self.last_event_id or self._failed:
            return
        members = {
            "url": self._subscription.url,
            "topics": self._subscription.topics,
            "lastEventId": last_event_id,
        }
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_bytes(orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE))
            new.replace(self._path)
        except OSError as error:
            self._failed = True
            fail(f"the cursor {str(self._path)!r} cannot be written: {error.strerror}.", BAD)
        self.last_event_id = last_event_id

    def _read(self) -> str | None:
        name = repr(str(self._path))
        try:
            with self._path.open("rb") as file:
                content = file.read(_LONGEST)
        except FileNotFoundError:
            if not os.access(self._path.parent, os.W_OK):
                raise ConfigurationError(f"The cursor {name} cannot be written: its folder is not there.") from None
            return None
        except OSError as error:
            raise ConfigurationError(f"The cursor {name} cannot be read: {error.strerror}.") from None
        found = _members(content)
        if found is None:
            raise ConfigurationError(f"The file {name} is no cursor; name another one, or remove it to start anew.")
        theirs = Subscription(found["url"], tuple(found["topics"]))
        if theirs != self._subscription:
            raise ConfigurationError(
                f"The cursor {name} is that of {_told(theirs)}, and not of {_told(self._subscription)}; name another "
                "one, or remove it to start anew."
            )
        last_event_id: str = found["lastEventId"]
        return last_event_id


def _told(subscription: Subscription) -> str:
    return f"{' '.join(subscription.topics)} at {subscription.url}"


def _members(content: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict) or set(found) != _MEMBERS or not isinstance(found["topics"], list):
        return None
    texts = [found["url"], found["lastEventId"], *found["topics"]]
    return found if all(isinstance(text, str) for text in texts) else None
