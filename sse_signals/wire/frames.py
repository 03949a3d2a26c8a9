"""Encoding: one event is formatted once, and the same bytes go to every stream.

The format is the event stream of the HTML standard, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import orjson

from sse_signals.model import FRAME_END, MESSAGE_KEY, Event, EventId

if TYPE_CHECKING:
    from sse_signals.model import Signal

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def encode(event_id: EventId, time_ms: int, signal: Signal) -> bytes:
    """Return the frame of a signal at its place in the log.

    Args:
        event_id: Its id.
        time_ms: When the log took it, in milliseconds since 1970-01-01 UTC.
        signal: The signal. Its name holds no line break and its data no raw line break, by construction.
    """
    event_line = b"event: %b\n" % signal.name.encode() if signal.name else b""
    topic = b'"topic":%b,' % orjson.dumps(signal.address) if signal.address is not None else b""
    return b'id: %b\n%bdata: {%b"time":"%b",%b%b%b' % (
        str(event_id).encode(),
        event_line,
        topic,
        timestamp(time_ms).encode(),
        MESSAGE_KEY,
        signal.data,
        FRAME_END,
    )


def event(event_id: EventId, time_ms: int, signal: Signal) -> Event:
    """Put a signal at its place in the log: what a broker hands out."""
    return Event(
        epoch=event_id.epoch,
        position=event_id.position,
        time_ms=time_ms,
        address=signal.address,
        targets=signal.targets,
        frame=encode(event_id, time_ms, signal),
        traceparent=signal.traceparent,
    )


def timestamp(time_ms: int) -> str:
    """Return an RFC 3339 time in UTC with milliseconds, for example ``2026-01-31T12:00:00.123Z``."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{_to_the_second(seconds)}.{milliseconds:03d}Z"


@lru_cache(maxsize=16)  # it took half as long as the whole frame, and all events of a second begin alike
def _to_the_second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).isoformat()[:-6]


def chunk(body: bytes) -> bytes:
    """Return ``body`` as one chunk of HTTP/1.1's chunked transfer coding (RFC 9112, section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(body), body)
