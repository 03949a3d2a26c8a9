"""What is told of a node and of each stream: JSON objects, made of what is known of them at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sse_signals.life.ledger import MOST_TOPICS
from sse_signals.model import INDEX_BITS
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sse_signals.history import History
    from sse_signals.hub.stream import Stream
    from sse_signals.life.ledger import Closed, Ledger

_FORMATS: Final = {"text/event-stream": "sse"}
_LINES: Final = "ndjson"


def slowness(row: Mapping[str, Any]) -> tuple[int, int, str, str]:
    """Return the key that sorts open streams: the slowest first, and among equals the oldest."""
    return -row["lag"]["records"], -row["buffered"], row["opened"], row["stream"]


def stream_counts(ledger: Ledger, count: int) -> dict[str, Any]:
    """Return how many streams a node has open, and what became of others; how many are behind is still to be seen."""
    return {
        "open": count,
        "behind": 0,
        "opened": ledger.opened,
        "closed": dict(ledger.closed),
        "refused": dict(ledger.refused),
    }


def history_row(history: History) -> dict[str, Any]:
    """Return how much a history holds, and since when."""
    oldest = history.read(history.start, history.start + 1)
    return {
        "held": len(history),
        "bytes": history.size,
        "oldest": timestamp(oldest[0].time_ms) if oldest else None,
    }


def records_behind(stream: Stream, head: int) -> int:
    """Return how many records of the log a stream has still to pass; of one that it has in part, the rest is one."""
    if stream.live or stream.pos >= head:
        return 0
    return max(1, (head >> INDEX_BITS) - (stream.pos >> INDEX_BITS))


def lag(stream: Stream, history: History, now_ms: int) -> dict[str, Any]:
    """Return how far a stream is behind the head of a history.

    Args:
        stream: The stream.
        history: What it is caught up from.
        now_ms: The time, in milliseconds since 1970-01-01 UTC.
    """
    records, seconds = records_behind(stream, history.head), 0.0
    if records:
        sequence = history.find(stream.pos)
        for event in history.read(sequence, sequence + 1):  # there is none if all are too old to be held
            seconds = _seconds(event.time_ms, now_ms)
    return {"records": records, "seconds": seconds}


def open_row(stream: Stream, node: str, history: History, *, counted_ms: int, now_ms: int) -> dict[str, Any]:
    """Return what is told of an open stream.

    Args:
        stream: The stream.
        node: The name of its node.
        history: What it is caught up from.
        counted_ms: When the streams of the node were counted, in milliseconds since 1970-01-01 UTC.
        now_ms: The time, likewise.
    """
    expires_ms, topics = stream.identity.expires_ms, list(stream.filters)
    return {
        "stream": stream.name,
        "node": node,
        "subject": stream.identity.subject,
        "remote": stream.remote,
        "topics": topics[:MOST_TOPICS],
        "moreTopics": max(0, len(topics) - MOST_TOPICS),
        "format": _FORMATS.get(stream.format.content_type, _LINES),
        "opened": timestamp(stream.opened_ms),
        "age": _seconds(stream.opened_ms, counted_ms),
        "state": "live" if stream.live else "behind",
        "lag": lag(stream, history, now_ms),
        "buffered": stream.transport.get_write_buffer_size(),
        "delivered": stream.events,
        "bytes": stream.size,
        "timesBehind": stream.times_behind,
        "expires": None if expires_ms is None else timestamp(expires_ms),
    }


def closed_row(closed: Closed, node: str) -> dict[str, Any]:
    """Return what is told of a stream that is gone.

    Args:
        closed: The stream.
        node: The name of its node.
    """
    return {
        "stream": closed.name,
        "node": node,
        "subject": closed.subject,
        "remote": closed.remote,
        "topics": list(closed.topics),
        "moreTopics": closed.more_topics,
        "format": _FORMATS.get(closed.content_type, _LINES),
        "opened": timestamp(closed.opened_ms),
        "age": _seconds(closed.opened_ms, closed.closed_ms),
        "delivered": closed.events,
        "bytes": closed.size,
        "timesBehind": closed.times_behind,
        "closed": timestamp(closed.closed_ms),
        "reason": closed.reason,
    }


def _seconds(since_ms: int, now_ms: int) -> float:
    return max(0, now_ms - since_ms) / 1000  # the clock may have been set back
