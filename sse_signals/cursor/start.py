"""Where a stream starts: what it asked for, against what the history holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.model import EventId, Gap, GapReason

if TYPE_CHECKING:
    from sse_signals.history import History


@dataclass(frozen=True, slots=True)
class Live:
    """Start with what comes next."""


@dataclass(frozen=True, slots=True)
class Oldest:
    """Start with the oldest event held."""


@dataclass(frozen=True, slots=True)
class Newest:
    """Start with the last ``count`` events that match and may be had."""

    count: int


@dataclass(frozen=True, slots=True)
class Since:
    """Start with events not older than ``time_ms`` (milliseconds since 1970-01-01 UTC)."""

    time_ms: int


@dataclass(frozen=True, slots=True)
class After:
    """Resume after an id; None when what the client sent is no id."""

    event_id: EventId | None


Start = Live | Oldest | Newest | Since | After


@dataclass(frozen=True, slots=True)
class Opening:
    """How a stream begins.

    Attributes:
        position: Its cursor.
        gap: A hole it must be told of first.
        recovered: Whether a resume goes on without a hole; None when none was asked for.
        event_id: The id for its receipt. With a gap it is the client's own old id, or none: a connection that breaks
            between receipt and gap must not leave the client with an id that hides the gap.
    """

    position: int
    gap: Gap | None
    recovered: bool | None
    event_id: EventId | None


@dataclass(frozen=True, slots=True)
class Found:
    """What takes time to find out before a stream can be opened.

    Attributes:
        newest_from: For `Newest`, the id to start after.
        log_head: For `After` with an id that is ahead of this node, the log's own head; None when nobody could tell.
    """

    newest_from: EventId | None = None
    log_head: EventId | None = None


NOTHING: Final = Found()


def opening(history: History, start: Start, found: Found) -> Opening:
    """Find out how a stream begins. It holds for this tick only: open the stream before anything else can happen.

    Args:
        history: What is held.
        start: What was asked for.
        found: What had to be looked up for that.
    """
    match start:
        case After(event_id):
            return _resume(history, event_id, found.log_head)
        case Since(time_ms):
            if not history.complete_since(time_ms):
                return Opening(history.floor, Gap(GapReason.TRIMMED, None), None, None)
            position = history.position_before(history.since(time_ms))
        case Oldest():
            position = history.floor
        case Newest():
            position = _newest(history, found.newest_from)
        case _:  # Live
            position = history.head
    return Opening(position, None, None, EventId(history.epoch, position))


def ahead(history: History, start: Start) -> bool:
    """Say whether an id is newer than anything this node has seen, so that only the log itself can tell about it."""
    if not isinstance(start, After) or start.event_id is None:
        return False
    event_id = start.event_id
    return event_id.position > _vouched(history) and _means_the_same(history, event_id)


def foreign(history: History, start: Start) -> bool:
    """Say whether an id is of an epoch that this node does not know: another log, or one that it has yet to hear of."""
    if not isinstance(start, After) or start.event_id is None:
        return False
    epoch = start.event_id.epoch
    return epoch != history.epoch and history.lineage.shared(epoch) is None


def _means_the_same(history: History, event_id: EventId) -> bool:
    """Say whether an id is of this log, or of one that it goes on from and below the place where it does."""
    if event_id.epoch == history.epoch:
        return True
    last = history.lineage.shared(event_id.epoch)
    return last is not None and event_id.position <= last


def _vouched(history: History) -> int:
    """Return the last position that the log is known to have reached: it goes on from the place of a fork."""
    return max(history.head, history.lineage.began)


def _newest(history: History, newest_from: EventId | None) -> int:
    if newest_from is None or not _means_the_same(history, newest_from):
        return history.floor
    return max(newest_from.position, history.floor)


def _resume(history: History, event_id: EventId | None, log_head: EventId | None) -> Opening:
    if event_id is None:
        return Opening(history.head, Gap(GapReason.UNKNOWN_ID, None), False, None)
    if not _means_the_same(history, event_id):
        # Above a fork it goes on where the logs are the same last, so that it gets nothing twice.
        place = max(history.floor, history.lineage.shared(event_id.epoch) or 0)
        return Opening(place, Gap(GapReason.EPOCH, event_id), False, event_id)
    if event_id.position < history.floor:
        return Opening(history.floor, Gap(GapReason.TRIMMED, event_id), False, event_id)
    if event_id.position > _vouched(history) and not _known(history, event_id, log_head):
        return Opening(history.head, Gap(GapReason.UNKNOWN_ID, event_id), False, event_id)
    return Opening(event_id.position, None, True, event_id)


def _known(history: History, event_id: EventId, log_head: EventId | None) -> bool:
    if log_head is None or log_head.epoch != history.epoch:  # which would be another log than the id is of
        return False
    return event_id.position <= log_head.position
