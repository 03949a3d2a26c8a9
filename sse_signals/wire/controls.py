"""Control events: what the hub itself says on a stream.

Only ``signals.open``, ``signals.gap`` and ``signals.heartbeat`` carry an id, since only they say where a stream stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals.model import CONTROL_PREFIX
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from sse_signals.identity import Identity
    from sse_signals.model import EventId, Gap
    from sse_signals.topics import Filters

PROTOCOL: Final = 1


@dataclass(frozen=True, slots=True)
class Control:
    """One control event.

    Attributes:
        name: The event name, with the prefix ``signals.``.
        data: A JSON object as text.
        time_ms: When it was said, in milliseconds since 1970-01-01 UTC (JSON lines show it).
        event_id: The id the client shall remember, or None to leave it as it is.
        retry_ms: How long the client shall wait before it reconnects, in milliseconds, or None.
    """

    name: str
    data: bytes
    time_ms: int
    event_id: EventId | None = None
    retry_ms: int | None = None


def receipt(
    *,
    stream: str,
    identity: Identity,
    filters: Filters,
    heartbeat: float,
    recovered: bool | None,
    event_id: EventId | None,
    retry_ms: int,
    time_ms: int,
) -> Control:
    """Return ``signals.open``: what the stream is and where it starts.

    Args:
        stream: The stream's own name.
        identity: Who is listening, and until when.
        filters: What it will get.
        heartbeat: Seconds between heartbeats.
        recovered: Whether a resume continues without a hole; None when none was asked for.
        event_id: The position it starts from: one the client knows already, or that comes before all it will get.
        retry_ms: The stream's own reconnection delay in milliseconds.
        time_ms: Now.
    """
    data = {"protocol": PROTOCOL, "stream": stream}
    if recovered is not None:
        data["recovered"] = recovered
    data |= {"subject": identity.subject, "heartbeat": _number(heartbeat), "topics": list(filters)}
    if identity.expires_ms is not None:
        data["expiresAt"] = timestamp(identity.expires_ms)
    return Control(CONTROL_PREFIX + "open", orjson.dumps(data), time_ms, event_id, retry_ms)


def gap(what: Gap, resumes_after: EventId, time_ms: int) -> Control:
    """Return ``signals.gap``: events after ``from`` are missing, and the stream goes on after ``to``."""
    data = {"reason": what.reason, "from": None if what.after is None else str(what.after), "to": str(resumes_after)}
    return Control(CONTROL_PREFIX + "gap", orjson.dumps(data), time_ms, resumes_after)


def heartbeat(cursor: EventId | None, time_ms: int) -> Control:
    """Return ``signals.heartbeat``, which moves the client's last event id to ``cursor`` if there is one."""
    return Control(CONTROL_PREFIX + "heartbeat", b"{}", time_ms, cursor)


def expiring(expires_ms: int, time_ms: int) -> Control:
    """Return ``signals.expiring``: the stream ends at ``expires_ms`` (milliseconds since 1970-01-01 UTC)."""
    return Control(CONTROL_PREFIX + "expiring", orjson.dumps({"expiresAt": timestamp(expires_ms)}), time_ms)


def goodbye(reason: str, retry_ms: int, time_ms: int) -> Control:
    """Return ``signals.goodbye``: the hub ends the stream now, and the client shall come back after ``retry_ms``."""
    return Control(CONTROL_PREFIX + "goodbye", orjson.dumps({"reason": reason}), time_ms, None, retry_ms)


def _number(value: float) -> float:
    return int(value) if value == int(value) else value
