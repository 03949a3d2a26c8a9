"""What the bytes of one stream response mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from sse_signals.client.answers import shown
from sse_signals.client.received import Moved, RemoteEvent
from sse_signals.errors import InvalidInput, SignalsGap, UnexpectedAnswer
from sse_signals.model import CONTROL_PREFIX
from sse_signals.wire.decoder import Decoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.wire.decoder import Message

HEARTBEAT_EVENT: Final = f"{CONTROL_PREFIX}heartbeat"
HEARTBEAT: Final = 15.0  # seconds, until the receipt says otherwise

Item = RemoteEvent | SignalsGap | Moved


class Reading:
    """One response of type ``text/event-stream``, as far as it has been read.

    Attributes:
        stream: The stream's name, once its receipt has come.
        heartbeat: Seconds between two signs of life.
        expiring: Whether the hub wants a fresh token; whoever sees to it sets it back.
        goodbye: Why the hub ends the stream, or None.
        caught_up: Whether what came last is a heartbeat, with which the answer to a poll ends.
    """

    def __init__(self, last_event_id: str | None) -> None:
        """Start at the beginning of a response.

        Args:
            last_event_id: The id that it was asked to resume after.
        """
        self._decoder = Decoder(last_event_id=last_event_id or "")
        self.stream: str | None = None
        self.heartbeat = HEARTBEAT
        self.expiring = False
        self.goodbye: str | None = None
        self.caught_up = False

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after all that has been read; None when there is no such place."""
        return self._decoder.last_event_id or None

    @property
    def retry(self) -> float | None:
        """Seconds to wait before the next connection, as the hub wants it; None if it has not said."""
        return None if self._decoder.retry_ms is None else self._decoder.retry_ms / 1000

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes, and return what they bring, in order.

        Raises:
            UnexpectedAnswer: They are not what a hub sends.
        """
        items: list[Item] = []
        try:
            for message in self._decoder.feed(data):
                self.caught_up = message.event == HEARTBEAT_EVENT
                if message.event.startswith(CONTROL_PREFIX):
                    self._control(message, items)
                else:
                    items.append(RemoteEvent.parse(message.last_event_id, message.event, message.data))
        except InvalidInput as error:
            hint = "Something else than a hub answers there, or its messages are very long."
            raise UnexpectedAnswer(200, "OK", error.detail, hint=hint) from None
        return items

    def _control(self, message: Message, items: list[Item]) -> None:
        members = _members(message.data)
        match message.event:
            case _ if self.caught_up:
                items.append(Moved(message.last_event_id))
            case "signals.open":
                self.stream = str(members.get("stream", ""))
                heartbeat = members.get("heartbeat")
                if isinstance(heartbeat, int | float) and 0 < heartbeat < 3600:
                    self.heartbeat = float(heartbeat)
                items.append(Moved(message.last_event_id))
            case "signals.gap":
                reason, after = shown(members.get("reason")), members.get("from")
                items.append(SignalsGap(reason, after if isinstance(after, str) else None, message.last_event_id))
            case "signals.expiring":
                self.expiring = True
            case "signals.goodbye":
                self.goodbye = shown(members.get("reason")) or "unknown"
            case _:
                pass  # of a later version


def _members(data: str) -> Mapping[str, Any]:
    try:
        members = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {}
    return members if isinstance(members, dict) else {}
