"""A survey: one look at all open streams of a node, which pauses so that they do not notice."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappush, heapreplace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from sse_signals.life.rows import closed_row, history_row, open_row, records_behind, slowness, stream_counts
from sse_signals.wire.frames import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from sse_signals.history import History
    from sse_signals.hub.stream import Stream
    from sse_signals.life.ledger import Ledger

CHECK_EVERY: Final = 32  # streams between two places where a survey may pause


@dataclass(frozen=True, slots=True)
class Part:
    """What one node says of itself. All is made of JSON values, as they stand in the answer to who asks.

    Attributes:
        node: Its counts.
        streams: Its open streams, the slowest first, as many as were asked for.
        closed: Those that it has seen end last, the newest first, likewise.
        more_streams: Whether it has more streams open.
        more_closed: Whether it remembers more closed ones.
    """

    node: Mapping[str, Any]
    streams: Sequence[Mapping[str, Any]]
    closed: Sequence[Mapping[str, Any]]
    more_streams: bool = False
    more_closed: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """What a survey looks at.

    Attributes:
        node: The name of the node.
        started_ms: When it started, in milliseconds since 1970-01-01 UTC.
        streams: Returns its streams with a connection.
        history: Its history, to whose head the streams have to come.
        signals: Returns how many signals the log has brought.
        ledger: What it has counted.
        clock: Returns milliseconds since 1970-01-01 UTC.
        ready: Says whether it takes requests.
        draining: Says whether it is about to end.
    """

    node: str
    started_ms: int
    streams: Callable[[], Sequence[Stream]]
    history: History
    signals: Callable[[], int]
    ledger: Ledger
    clock: Callable[[], int]
    ready: Callable[[], bool]
    draining: Callable[[], bool]


def survey(of: Subject, limit: int) -> Generator[None, None, Part]:
    """Look at all streams, and yield wherever the loop may go round meanwhile.

    Who is open is decided in the first tick, as is what the ledger holds. So a stream counts once, whatever becomes of
    it meanwhile, and no count is ever less than in a survey that was over before.

    Args:
        of: The node.
        limit: How many open streams are told of one by one, and how many closed ones.
    """
    counted_ms, ledger, streams = of.clock(), of.ledger, of.streams()
    recent, remembered = list(islice(reversed(ledger.recent), limit)), len(ledger.recent)
    counts = stream_counts(ledger, len(streams))
    traffic = {"signals": of.signals(), "delivered": ledger.events, "bytes": ledger.size}
    node = {
        "node": of.node,
        "time": timestamp(counted_ms),
        "started": timestamp(of.started_ms),
        "ready": of.ready(),
        "draining": of.draining(),
        "streams": counts,
        "traffic": traffic,
        "history": history_row(of.history),
    }
    slowest = yield from _slowest(streams, of.history, limit, counts, traffic)
    told = []
    for number, stream in enumerate(slowest):
        if _may_pause(number):
            yield
        if stream.ended is None:
            told.append(open_row(stream, of.node, of.history, counted_ms=counted_ms, now_ms=of.clock()))
    gone = []
    for number, closed in enumerate(recent):
        if _may_pause(number):
            yield
        gone.append(closed_row(closed, of.node))
    told.sort(key=slowness)  # they went on meanwhile
    return Part(node, told, gone, len(streams) > limit, remembered > limit)


def _slowest(
    streams: Sequence[Stream], history: History, limit: int, counts: dict[str, int], traffic: dict[str, int]
) -> Generator[None, None, Sequence[Stream]]:
    """Add all streams to the counts, and return the slowest."""
    heap: list[tuple[int, int, int, int, Stream]] = []
    for number, stream in enumerate(streams):
        if _may_pause(number):
            yield
        traffic["delivered"] += stream.events
        traffic["bytes"] += stream.size
        if stream.ended is not None:  # it is open until its response has ended, but nobody waits for it
            continue
        counts["behind"] += not stream.live
        records, buffered = records_behind(stream, history.head), stream.transport.get_write_buffer_size()
        entry = (records, buffered, -stream.opened_ms, -number, stream)  # with numbers, streams are never compared
        if len(heap) < limit:
            heappush(heap, entry)
        elif entry > heap[0]:
            heapreplace(heap, entry)
    return [entry[-1] for entry in heap]


def _may_pause(number: int) -> bool:
    return not number % CHECK_EVERY
