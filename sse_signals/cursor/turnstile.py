"""The turnstile: catches up every stream that is behind, without delaying those that are live."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from sse_signals.cursor.scan import Piece, block_end, gap_before, scan
from sse_signals.model import EventId
from sse_signals.wire import controls

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.history import History
    from sse_signals.hub.groups import Group
    from sse_signals.hub.hub import Hub
    from sse_signals.hub.stream import Stream
    from sse_signals.interfaces import Scheduler

TURN: Final = 0.002  # seconds of catching up in one turn of the loop
SHARED_BYTES: Final = 32 * 1024 * 1024  # of pieces that are kept for the next stream of the same group
_PIECE: Final = 512  # bytes that a piece takes besides its data


class Turnstile:
    """All streams that are behind pass here, one piece at a time, in the order in which they came.

    A turn lasts about 2 ms and the next begins no earlier than the same time later, so that catching up never takes
    more than half of the loop, however many streams come back at once. Streams of one group share the bytes of a piece.

    Attributes:
        gaps: How many gaps were told.
        pieces: How many pieces were read from the history, for one stream or for many.
    """

    def __init__(self, history: History, hub: Hub, scheduler: Scheduler, clock: Callable[[], int]) -> None:
        self._history = history
        self._hub = hub
        self._scheduler = scheduler
        self._clock = clock
        self._queue: deque[Stream] = deque()
        self._shared: dict[tuple[Group | None, int, int], tuple[Piece, bytes]] = {}
        self._shared_size = 0
        self._scheduled = False
        self.gaps = 0
        self.pieces = 0

    def __len__(self) -> int:
        return len(self._queue)

    def enter(self, stream: Stream) -> None:
        """Bring a stream that is behind and whose connection takes bytes."""
        if stream.queued or stream.live or stream.ended is not None:
            return
        stream.queued = True
        self._queue.append(stream)
        if not self._scheduled:
            self._scheduled = True
            self._scheduler.call_soon(self._turn)

    def _turn(self) -> None:
        started = now = self._scheduler.time()
        try:
            while self._queue and now - started < TURN:
                stream = self._queue.popleft()
                stream.queued = False
                if stream.ended is None:
                    self._serve(stream)
                now = self._scheduler.time()
        except BaseException:
            stream.abort("failed")  # its client comes back and resumes
            raise
        finally:  # whatever happens to one stream, the others go on
            self._scheduled = bool(self._queue)
            if self._queue:
                self._scheduler.call_at(now + (now - started), self._turn)
            else:
                self._shared.clear()
                self._shared_size = 0

    def _serve(self, stream: Stream) -> None:
        """Write the next piece to a stream, and let it join once it has everything."""
        if not (self._tell_gap(stream) and self._write_piece(stream)):
            if stream.ended is None:
                stream.wait()
        elif stream.until is not None and stream.pos >= stream.until:
            self._complete(stream)
        elif stream.pos >= self._history.head:
            self._hub.join(stream)
        elif stream.transport.get_write_buffer_size():
            stream.wait()
        else:
            self.enter(stream)

    def _tell_gap(self, stream: Stream) -> bool:
        gap = gap_before(self._history, stream)
        if gap is None:
            return True
        resumes_after = max(stream.pos, self._history.floor)
        control = controls.gap(gap, EventId(self._history.epoch, resumes_after), self._clock())
        if not stream.write(stream.format.control(control)):
            return False
        stream.gap = None
        stream.pos = resumes_after
        self.gaps += 1
        return True

    def _write_piece(self, stream: Stream) -> bool:
        sequence = self._history.find(stream.pos)
        stop = self._history.end if stream.until is None else self._history.find(stream.until)
        if sequence >= stop:
            return True
        piece, data = self._piece(stream, sequence, block_end(sequence, stop))
        own = piece.own(stream.identity)
        if own:
            data = stream.format.events(piece.events(stream.identity))
        if data and not stream.write(data):
            return False
        stream.events += len(piece.public) + len(own)
        stream.pos = piece.position
        return True

    def _piece(self, stream: Stream, sequence: int, stop: int) -> tuple[Piece, bytes]:
        key = (stream.group, sequence, stop)
        found = self._shared.get(key)
        if found is None:
            piece = scan(self._history, stream.filters, sequence, stop)
            found = (piece, stream.format.events(piece.public) if piece.public else b"")
            self.pieces += 1
            self._shared[key] = found
            self._shared_size += len(found[1]) + _PIECE
            while self._shared_size > SHARED_BYTES:
                _, data = self._shared.pop(next(iter(self._shared)))
                self._shared_size -= len(data) + _PIECE
        return found

    def _complete(self, stream: Stream) -> None:
        cursor = controls.heartbeat(EventId(self._history.epoch, stream.pos), self._clock())
        if stream.write(stream.format.control(cursor)):
            stream.end("complete")
        else:
            stream.wait()
