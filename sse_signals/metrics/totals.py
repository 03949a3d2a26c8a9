"""What all streams of a node have been given, those that are gone included: summed up when somebody asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sse_signals.hub.stream import Stream
    from sse_signals.life.ledger import Ledger

CHECK_EVERY: Final = 64  # streams between two places where summing up may pause


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over streams.

    Attributes:
        open: How many are open.
        behind: How many of these read the history, because they have not caught up or fell behind.
        opened: How many were opened.
        closed: How many are gone, by reason.
        events: Events written to all of them.
        size: Bytes written to all of them.
        times_behind: How often one of them fell behind.
    """

    open: int
    behind: int
    opened: int
    closed: dict[str, int]
    events: int
    size: int
    times_behind: int


def sum_up(ledger: Ledger, streams: Sequence[Stream]) -> Generator[None, None, Totals]:
    """Add what open streams have been given to what the ledger holds, and yield wherever the loop may go round.

    Every stream carries its own counts, so that nothing more is counted while events are written. What the ledger holds
    is read in the tick in which it was decided who is open: a stream counts once, whatever becomes of it meanwhile, and
    no sum is ever less than one that was made before.

    Args:
        ledger: What streams that are gone were given.
        streams: Those that are open now.
    """
    opened, closed = ledger.opened, dict(ledger.closed)
    behind, events, size, times_behind = 0, ledger.events, ledger.size, ledger.times_behind
    for number, stream in enumerate(streams):
        if not number % CHECK_EVERY:
            yield
        events += stream.events
        size += stream.size
        times_behind += stream.times_behind
        if not stream.live and stream.ended is None:
            behind += 1
    return Totals(len(streams), behind, opened, closed, events, size, times_behind)
