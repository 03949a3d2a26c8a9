"""How a signal is shown: in a line for a person, for a program, or on the stdin of a command."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import orjson

from sse_signals.commands.plain import columns_of, cut, plain, plain_json
from sse_signals.commands.table import paint
from sse_signals.errors import UnexpectedAnswer
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from datetime import tzinfo

    from sse_signals.subscriptions import SignalEvent

BROADCAST: Final = "(broadcast)"
_GAP: Final = "  "
_COLOURS: Final = ("cyan", "green", "yellow", "blue", "magenta", "bright_cyan", "bright_green", "bright_magenta")
_NARROWEST: Final = 12  # columns that a topic may always take
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A signal, ready to be shown.

    Attributes:
        id: Its id.
        time: When the log took it, as hubs write it.
        event: Its name, or None for a plain one.
        topic: Where it was published, or None for a broadcast.
        message: Its JSON value.
    """

    id: str
    time: str
    event: str | None
    topic: str | None
    message: Any

    @classmethod
    def of(cls, signal: SignalEvent) -> Shown:
        """Return a signal as it is shown.

        Raises:
            UnexpectedAnswer: It is from no hub: its time is none.
        """
        try:
            time = timestamp(round(signal.time.timestamp() * 1000))
        except (ValueError, OverflowError):
            hint = "Check the URL: something else than a hub answers there, or something between changes the stream."
            raise UnexpectedAnswer(_OK, "OK", "The time of a signal is none.", hint=hint) from None
        event = None if signal.event == "message" else signal.event
        return cls(signal.id, time, event, signal.address, signal.message)


def json_text(signal: Shown) -> str:
    """Return a signal as the hub writes it as a JSON line; what cannot be seen is escaped."""
    members = {
        "id": signal.id,
        **({} if signal.event is None else {"event": signal.event}),
        **({} if signal.topic is None else {"topic": signal.topic}),
        "time": signal.time,
        "message": signal.message,
    }
    return plain_json(orjson.dumps(members).decode())


def message_text(message: Any, *, raw: bool) -> str:
    """Return a message as it is: compact JSON, or with ``raw`` a text as its characters."""
    return message if raw and isinstance(message, str) else orjson.dumps(message).decode()


def plain_line(signal: Shown, *, raw: bool) -> str:
    """Return a signal for programs that split lines at tabs: time, topic, message."""
    return "\t".join([signal.time, plain(signal.topic or ""), _visible(signal.message, raw=raw)])


def coloured_line(signal: Shown, *, raw: bool, width: int | None, zone: tzinfo | None, today: datetime) -> str:
    """Return a signal for a terminal.

    Args:
        signal: The signal.
        raw: Whether a text is shown without quotes.
        width: Columns of the terminal; None to cut nothing.
        zone: The time zone to tell the time in; None for the local one.
        today: Now, so that the date of what is older is told, too.
    """
    time = datetime.fromisoformat(signal.time).astimezone(zone)
    same = time.date() == today.astimezone(zone).date()
    clock = f"{time:%H:%M:%S}" if same else f"{time:%Y-%m-%d %H:%M:%S}"
    topic = plain(signal.topic or BROADCAST)
    name = "" if signal.event is None else f"[{plain(signal.event)}] "
    message = _visible(signal.message, raw=raw)
    if width is not None:
        topic = cut(topic, max(_NARROWEST, width // 3))
        left = width - columns_of(clock) - columns_of(topic) - 2 * len(_GAP)
        name = cut(name, max(0, left))
        message = cut(message, max(0, left - columns_of(name)))
    colour = "dim" if signal.topic is None else _COLOURS[crc32(signal.topic.encode()) % len(_COLOURS)]
    parts = [paint(clock, "dim"), paint(topic, colour), paint(name, "bold") + message if name else message]
    return _GAP.join(parts)


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def _visible(message: Any, *, raw: bool) -> str:
    text = message_text(message, raw=raw)
    return plain(text) if raw and isinstance(message, str) else plain_json(text)
