"""What the records of a JetStream stream hold, as events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.brokers.nats_reader import PIECE
from sse_signals.brokers.records import decode
from sse_signals.model import position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.brokers.nats_reader import Record
    from sse_signals.brokers.nats_session import Session
    from sse_signals.lineage import Lineage
    from sse_signals.model import Event

_MS: Final = 10**6  # nanoseconds


def pieces(
    session: Session, lineage: Lineage, records: Sequence[Record], at: int, time_ms: int
) -> Iterator[Sequence[Event]]:
    """Yield what comes after a position, in pieces of whole records, until the log has another lineage."""
    piece: list[Event] = []
    for record in records:
        if session.lineage is not lineage:
            return
        events = _events(lineage, record, time_ms)
        time_ms = events[-1].time_ms if events else time_ms
        piece += [each for each in events if each.position > at]
        if len(piece) >= PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _events(lineage: Lineage, record: Record, time_ms: int) -> Sequence[Event]:
    """Return what a record holds; a time before that of its predecessor is raised to it."""
    epoch = lineage.epoch_at(position(record.number))
    return decode(record.data, epoch, record.number, max(record.time_ns // _MS, time_ms)) or ()
