"""What comes out of a remote subscription."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import orjson

from sse_signals.errors import UnexpectedAnswer

_OK: Final = 200


class RemoteEvent:
    """An event as it came from a remote hub; see `sse_signals.subscriptions.SignalEvent`.

    Attributes:
        id: Where to resume after it.
        event: Its name: ``message`` unless its publisher gave it one.
        address: Where it was published, or None for a broadcast.
        message: Its JSON value.
    """

    __slots__ = ("_time", "address", "event", "id", "message")

    def __init__(self, event_id: str, event: str, address: str | None, time: str, message: Any) -> None:
        self.id = event_id
        self.event = event
        self.address = address
        self.message = message
        self._time = time

    @classmethod
    def parse(cls, event_id: str, event: str, data: str) -> RemoteEvent:
        """Read the data of an event.

        Raises:
            UnexpectedAnswer: It is not what a hub sends.
        """
        try:
            members = orjson.loads(data)
            topic, time, message = members.get("topic"), members["time"], members["message"]
        except (AttributeError, KeyError, TypeError, orjson.JSONDecodeError):
            raise _no_signal() from None
        if not isinstance(time, str) or not isinstance(topic, str | None):
            raise _no_signal()
        return cls(event_id, event, topic, time, message)

    @property
    def time(self) -> datetime:
        """When the log took it, in UTC."""
        return datetime.fromisoformat(self._time).astimezone(UTC)

    def __repr__(self) -> str:
        return f"RemoteEvent(id={self.id!r}, address={self.address!r}, event={self.event!r})"


class Moved:
    """News that the place to resume after has moved, without an event.

    Attributes:
        id: The new place.
    """

    __slots__ = ("id",)

    def __init__(self, event_id: str) -> None:
        self.id = event_id


def _no_signal() -> UnexpectedAnswer:
    hint = "Check the URL: something else than a hub answers there, or something between changes the stream."
    return UnexpectedAnswer(_OK, "OK", "An event of the stream is no signal.", hint=hint)
