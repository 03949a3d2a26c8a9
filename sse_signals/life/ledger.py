"""The ledger: what a node has counted since it started, and the streams that it has seen end last."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.hub.stream import Stream

REMEMBERED: Final = 1_000  # closed streams
MOST_TOPICS: Final = 8  # topic filters of a stream that are told, as in the log
_UNKNOWN: Final = "failed"  # why a stream is closed that nobody has ended


@dataclass(frozen=True, slots=True)
class Closed:
    """A stream that is gone. It holds nothing of its connection, and no more than the first of its topic filters.

    Attributes:
        name: The stream's.
        subject: Who listened, or None for somebody anonymous.
        remote: Where from.
        topics: The first topic filters, as text.
        more_topics: How many others there were.
        content_type: What it was written as.
        opened_ms: When it was opened, in milliseconds since 1970-01-01 UTC.
        closed_ms: When it was closed, likewise.
        reason: Why.
        events: Events written.
        size: Bytes written.
        times_behind: How often it fell behind.
    """

    name: str
    subject: str | None
    remote: str
    topics: Sequence[str]
    more_topics: int
    content_type: str
    opened_ms: int
    closed_ms: int
    reason: str
    events: int
    size: int
    times_behind: int


class Ledger:
    """Plain counters. Nothing is counted while events are written: a stream is added up when it is gone.

    Attributes:
        opened: Streams that were opened.
        closed: Streams that are gone, by reason.
        refused: Streams that were sent away before they were opened, by reason.
        events: Events written to streams that are gone.
        size: Bytes written to them.
        times_behind: How often they fell behind.
        recent: The streams that were closed last, the newest at the end.
        authentications: Credentials that were checked, by what came of it: ``accepted``, or why not.
        limited: Streams and requests that met a limit, by its name.
    """

    __slots__ = (
        "authentications",
        "closed",
        "events",
        "limited",
        "opened",
        "recent",
        "refused",
        "size",
        "times_behind",
    )

    def __init__(self) -> None:
        self.opened = 0
        self.closed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.events = 0
        self.size = 0
        self.times_behind = 0
        self.authentications: Counter[str] = Counter()
        self.limited: Counter[str] = Counter()
        self.recent: deque[Closed] = deque(maxlen=REMEMBERED)

    def open(self) -> None:
        """Count a stream that is about to be opened."""
        self.opened += 1

    def refuse(self, reason: str) -> None:
        """Count a stream that is sent away."""
        self.refused[reason] += 1

    def close(self, stream: Stream, now_ms: int) -> None:
        """Count a stream that was opened and is closed.

        Args:
            stream: The stream; nothing is written to it any more.
            now_ms: The time, in milliseconds since 1970-01-01 UTC.
        """
        reason = stream.ended or _UNKNOWN
        topics = tuple(stream.filters)
        self.closed[reason] += 1
        self.events += stream.events
        self.size += stream.size
        self.times_behind += stream.times_behind
        self.recent.append(
            Closed(
                name=stream.name,
                subject=stream.identity.subject,
                remote=stream.remote,
                topics=topics[:MOST_TOPICS],
                more_topics=max(0, len(topics) - MOST_TOPICS),
                content_type=stream.format.content_type,
                opened_ms=stream.opened_ms,
                closed_ms=now_ms,
                reason=reason,
                events=stream.events,
                size=stream.size,
                times_behind=stream.times_behind,
            )
        )
