"""The turnstile: catches up every stream that is behind, without delaying those that are live."""

from __future__ import annotations

from collections import Counter, deque
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

TURN: Final = 0.002  # seconds of catching up in one turn of the loop, at most
SHORT: Final = 0.0005  # seconds that it may take however little the others do, or the loop would only go round
SHARED_BYTES: Final = 32 * 1024 * 1024  # of pieces that are kept for the next stream of the same group
_PIECE: Final = 512  # bytes that a piece takes besides its data


class Turnstile:
    """All streams that are behind pass here, one piece at a time, in the order in which they came.

    It has a turn whenever the loop goes round, and no longer one than everybody else together has taken since its last:
    who has something to do gets half of the loop, however many streams come back at once, and an idle loop is used up.
    Turns that became longer, since a piece is read in one go, are made up for by a pause once they add up to a turn.
    Streams of one group share the bytes of a piece.

    Attributes:
        gaps: How many gaps were told, by reason.
        pieces: How many pieces were read from the history, for one stream or for many.
        catch_ups: How often a stream that had fallen behind became live again.
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
        self._left = 0.0  # when the last turn ended
        self._owed = 0.0  # seconds by which turns have been too long
        self.gaps: Counter[str] = Counter()
        self.pieces = 0
        self.catch_ups = 0

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
        now = self._scheduler.time()
        allowed = max(SHORT, now - self._left)
        began, end = now, now + min(TURN, allowed)
        try:
            while self._queue and now < end:
                stream = self._queue.popleft()
                stream.queued = False
                if stream.ended is None:
                    self._serve(stream)
                now = self._scheduler.time()
        except BaseException:
            stream.abort("failed")  # its client comes back and resumes
            raise
        finally:  # whatever happens to one stream, the others go on
            self._left = now
            self._scheduled = bool(self._queue)
            if self._queue:
                self._again(now, taken=now - began, allowed=allowed)
            else:
                self._shared.clear()
                self._shared_size = 0

    def _again(self, now: float, *, taken: float, allowed: float) -> None:
        self._owed = max(0.0, self._owed + taken - allowed)
        if self._owed < TURN:
            self._scheduler.call_soon(self._turn)
        else:
            self._scheduler.call_at(now + self._owed, self._turn)
            self._owed = 0.0

    def _serve(self, stream: Stream) -> None:
        """Write the next piece to a stream, and let it join once it has everything."""
        if not (self._tell_gap(stream) and self._write_piece(stream)):
            if stream.ended is None:
                stream.wait()
        elif stream.until is not None and stream.pos >= stream.until:
            self._complete(stream)
        elif stream.pos >= self._history.head:
            self._hub.join(stream)
            self.catch_ups += bool(stream.times_behind)
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
        stream.gaps += 1
        stream.pos = resumes_after
        self.gaps[gap.reason] += 1
        return True

    def _write_piece(self, stream: Stream) -> bool:
        sequence = self._history.find(stream.pos)
        stop = self._history.end if stream.until is None else self._history.find(stream.until)
        if sequence >= stop:
            return True
        piece, data = self._piece(stream, sequence, stop)
        own = piece.own(stream.identity)
        if own:
            data = stream.format.events(piece.events(stream.identity))
        if data and not stream.write(data):
            return False
        stream.events += len(piece.public) + len(own)
        stream.pos = piece.position
        return True

    def _piece(self, stream: Stream, sequence: int, stop: int) -> tuple[Piece, bytes]:
        # Who polls must not get a piece that was read for others beyond the place where it ends.
        key = (stream.group, sequence, block_end(sequence, stop) if stream.until is None else stop)
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
