"""What one stream of a channel received."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sse_signals.bench.channel import Channel
    from sse_signals.bench.latencies import Latencies


class Received:
    """How many messages a stream received, and which of them late; see `sse_signals.bench.channel`.

    Attributes:
        late: Messages that came again, or after one of their successors.
    """

    __slots__ = ("_at", "_channel", "_latencies", "_missing", "_next", "_tail", "late")

    def __init__(self, channel: Channel, latencies: Latencies | None) -> None:
        self._channel = channel
        self._latencies = latencies
        self._at: int | None = None  # its offset in the channel's text, while it agrees with it
        self._next = 0
        self._missing: set[int] = set()  # messages before the next that have not come
        self._tail = b""  # what it received after its last message, while it does not agree
        self.late = 0

    @property
    def count(self) -> int:
        """How many messages it received, each counted once."""
        self._count(None)
        return self._next - len(self._missing)

    @property
    def timed(self) -> bool:
        """Whether its latencies are counted."""
        return self._latencies is not None

    def feed(self, data: bytes, now_us: int) -> None:
        """Take what came, at a time in microseconds of the monotonic clock."""
        if self._at is None and self._next:
            self._join()  # what it received last may have come to the text meanwhile
        if self._at is not None and self._channel.matches(data, self._at):
            self._at += len(data)
            if self._latencies is not None:
                self._count(now_us)
        else:
            self.leave()
            self._search(data, now_us)

    def count_latencies(self, latencies: Latencies) -> None:
        """Count latencies elsewhere from here on, if they are counted."""
        if self._latencies is not None:
            self._latencies = latencies

    def leave(self) -> None:
        """Compare with the others no more, until what comes next agrees."""
        if self._at is not None:
            self._count(None)
            self._tail = self._channel.since(self._at, self._next)
            self._at = None
            self._channel.agreeing -= 1

    def leave_before(self, offset: int) -> None:
        """Leave if this stream is still before an offset, the text of which is about to go."""
        if self._at is not None and self._at < offset:
            self.leave()

    def _count(self, now_us: int | None) -> None:
        if self._at is None:
            return
        first, self._next = self._next, self._channel.upto(self._at, self._next)
        if now_us is not None and self._latencies is not None:
            for sent_us in self._channel.sent[first : self._next]:
                self._latencies.add(now_us - sent_us)

    def _search(self, data: bytes, now_us: int) -> None:
        channel = self._channel
        text = self._tail + data
        met = channel.meet(text, self._next)
        if met is not None:
            self._agree(met)
            self._count(now_us)
            return
        found = channel.find(text)
        for index, _ in found:
            if index < self._next:
                self.late += 1
                self._missing.discard(index)
                continue
            self._missing.update(range(self._next, index))
            self._next = index + 1
            if self._latencies is not None:
                self._latencies.add(now_us - channel.sent[index])
        if not found:
            self._tail = text[-channel.carry :]
            return
        self._tail = text[found[-1][1] :]
        self._agree(channel.begin(text, found))
        if self._at is None:
            self._join()

    def _join(self) -> None:
        self._agree(self._channel.place(self._next - 1, self._tail))

    def _agree(self, offset: int | None) -> None:
        self._at = offset
        self._channel.agreeing += offset is not None
