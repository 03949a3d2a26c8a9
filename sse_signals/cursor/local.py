"""A subscription in this process: a stream's cursor, read by its owner instead of written to a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from sse_signals.cursor.scan import gap_before, scan
from sse_signals.errors import SignalsGap
from sse_signals.hub.stream import HIGH_WATER, Stream
from sse_signals.model import EventId
from sse_signals.subscriptions import tell_gap
from sse_signals.wire.formats import IN_PROCESS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.cursor.node import Node
    from sse_signals.cursor.start import Found, Start
    from sse_signals.identity import Identity
    from sse_signals.model import Event
    from sse_signals.subscriptions import Gaps
    from sse_signals.topics import Filters


class _Doorbell:
    """A connection that never takes anything: a write to it makes the stream fall behind, which wakes the reader."""

    def write(self, _data: bytes, /) -> None:
        raise RuntimeError("nothing is ever written to a subscription")

    def get_write_buffer_size(self) -> int:
        return HIGH_WATER + 1

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _name: str, /) -> None:
        return None

    def abort(self) -> None:
        pass


class Subscription:
    """An asynchronous iterator over events, from a start on and without end.

    A reader that is slow costs nothing: what it has not read stays in the history. If the history loses it, the next
    step raises `SignalsGap` (or gives it, or calls ``on_gap``), and the iteration can go on after that.
    """

    def __init__(
        self,
        node: Node,
        filters: Filters,
        identity: Identity,
        on_gap: Callable[[SignalsGap], object] | None,
        *,
        gaps: Gaps = "raise",
    ) -> None:
        self._node = node
        self._on_gap = on_gap
        self._gaps = gaps
        self._last: Event | str | None = None
        self._waiting: deque[Event] = deque()
        self._bell = asyncio.Event()
        self.stream = Stream(
            name="in-process",
            filters=filters,
            identity=identity,
            wire_format=IN_PROCESS,
            transport=_Doorbell(),
            notify=self._bell.set,
        )

    def open(self, start: Start, found: Found, last_event_id: str | None = None) -> None:
        """Take the place in the log at which the iteration starts.

        Args:
            start: The place.
            found: What was looked up for it.
            last_event_id: The id that it is after, as its owner has it.
        """
        opening = self._node.open(self.stream, start, found)
        self._last = last_event_id if opening.event_id is None else str(opening.event_id)

    @property
    def last_event_id(self) -> str | None:
        """Where to resume after what the iteration has given so far; None while there is no such place."""
        last = self._last
        return last if last is None or isinstance(last, str) else last.id

    def close(self) -> None:
        """Give the place up; the iteration ends."""
        self.stream.end("closed")
        self._node.hub.close(self.stream)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Event | SignalsGap:
        while not self._waiting:
            if self.stream.ended is not None:
                raise StopAsyncIteration
            if self.stream.live:  # the last wait was cancelled: the hub knows what came since
                self._node.hub.take_back(self.stream)
            gap = self._tell_gap()
            if gap is not None:
                return gap
            if self._read():
                await asyncio.sleep(0)  # however much there is to read, others get their turn
            else:
                self._bell.clear()
                self._node.hub.join(self.stream)
                await self._bell.wait()
        event = self._last = self._waiting.popleft()
        return event

    def _tell_gap(self) -> SignalsGap | None:
        """Tell of a gap, if there is one; return it if the iteration is to give it."""
        stream, history = self.stream, self._node.history
        gap = gap_before(history, stream)
        if gap is None:
            return None
        stream.gap = None
        stream.pos = max(stream.pos, history.floor)
        after = None if gap.after is None else str(gap.after)
        self._last = str(EventId(history.epoch, stream.pos))
        error = SignalsGap(gap.reason, after, self._last)
        return error if tell_gap(error, self._on_gap, self._gaps) else None

    def _read(self) -> bool:
        """Read the next piece; False when there is nothing to read now."""
        stream, history = self.stream, self._node.history
        sequence = history.find(stream.pos)
        if sequence >= history.end:
            return False
        piece = scan(history, stream.filters, sequence, history.end)
        self._waiting.extend(piece.events(stream.identity))
        stream.pos = piece.position
        if not self._waiting:  # what is passed over need not be looked at again
            self._last = str(EventId(history.epoch, stream.pos))
        return True
