"""What metrics are read from: a node, and what is known of it at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sse_signals.cursor.node import Node
    from sse_signals.hub.stream import Stream
    from sse_signals.life.ledger import Ledger
    from sse_signals.metrics.totals import Totals
    from sse_signals.service import Service


@dataclass(frozen=True, slots=True)
class Source:
    """Where metrics are read.

    Attributes:
        service: The node at work.
        ledger: What is counted of its streams.
        most_streams: How many streams may be open.
        streams: Returns its streams with a connection.
        ready: Says whether it takes requests.
        draining: Says whether it is about to end.
        revocations: Returns how many revocations it has learnt.
    """

    service: Service
    ledger: Ledger
    most_streams: int
    streams: Callable[[], Sequence[Stream]]
    ready: Callable[[], bool]
    draining: Callable[[], bool]
    revocations: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known when all series are read, in one tick.

    Attributes:
        source: Where they are read.
        node: The node.
        totals: What its streams have been given.
        records_behind: How many records of the log it has not got yet; None if nobody knows.
    """

    source: Source
    node: Node
    totals: Totals
    records_behind: int | None
