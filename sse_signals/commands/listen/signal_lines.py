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
            raise _from_no_hub("The time of a signal is none.") from None
        event = None if signal.event == "message" else signal.event
        return cls(signal.id, time, event, signal.address, signal.message)


def json_text(signal: Shown) -> str:
    """Return a signal as the hub writes it as a JSON line; what cannot be seen is escaped.

    Raises:
        UnexpectedAnswer: It is from no hub: it is nested too deeply.
    """
    members = {
        "id": signal.id,
        **({} if signal.event is None else {"event": signal.event}),
        **({} if signal.topic is None else {"topic": signal.topic}),
        "time": signal.time,
        "message": signal.message,
    }
    return plain_json(_dumps(members))


def message_text(message: Any, *, raw: bool) -> str:
    """Return a message as it is: compact JSON, or with ``raw`` a text as its characters.

    Raises:
        UnexpectedAnswer: It is from no hub: it is nested too deeply.
    """
    return message if raw and isinstance(message, str) else _dumps(message)


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
    time = _local(datetime.fromisoformat(signal.time), zone)
    same = time.date() == _local(today, zone).date()
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


def _local(time: datetime, zone: tzinfo | None) -> datetime:
    try:
        return time.astimezone(zone)
    except OverflowError:  # in the first hours or the last of all that there are
        return time


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def _dumps(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # more can be read than written
        raise _from_no_hub("A signal is nested deeper than any that a hub takes.") from None


def _from_no_hub(detail: str) -> UnexpectedAnswer:
    hint = "Check the URL: something else than a hub answers there, or something between changes the stream."
    return UnexpectedAnswer(_OK, "OK", detail, hint=hint)


def _visible(message: Any, *, raw: bool) -> str:
    text = message_text(message, raw=raw)
    return plain(text) if raw and isinstance(message, str) else plain_json(text)
