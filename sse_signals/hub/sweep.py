"""The rolling sweep: heartbeats, and an end for streams that are old, or whose client is gone or takes nothing."""

from __future__ import annotations

import random
from math import ceil, inf
from typing import TYPE_CHECKING, Final

from sse_signals.model import EventId
from sse_signals.retry import AGED, spread
from sse_signals.wire import controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.history import History
    from sse_signals.hub.hub import Hub
    from sse_signals.hub.stream import Stream
    from sse_signals.interfaces import Scheduler, Transport
    from sse_signals.wire.formats import Format

YOUNGEST: Final = 0.8  # of the greatest age: a stream is never younger when it is sent to come again


class Sweep:
    """One timer for all streams with a connection: no stream has a timer of its own.

    It ticks at least once a second. Each tick visits one share of the streams for their heartbeat, so that everyone is
    visited once in a heartbeat's time, looks at those that are stalled, and notices connections that are closed.

    Attributes:
        tick_every: Seconds between two ticks.
        aborted: How many streams were aborted because they took nothing.
    """

    def __init__(
        self,
        hub: Hub,
        history: History,
        scheduler: Scheduler,
        *,
        heartbeat: float,
        send_timeout: float,
        clock: Callable[[], int],
        unacknowledged: Callable[[Transport], int] = lambda _: 0,
        max_age: float = 0.0,
    ) -> None:
        """Make a sweep that is not running yet.

        Args:
            hub: Whose streams these are.
            history: What it trims by age.
            scheduler: The event loop.
            heartbeat: Seconds between two heartbeats of a stream.
            send_timeout: Seconds without progress after which a stream is aborted.
            clock: Returns milliseconds since 1970-01-01 UTC.
            unacknowledged: Returns how many bytes below a connection its client has not taken yet.
            max_age: Seconds after which a stream ends at the latest, at least five heartbeats; 0 for never.
        """
        self._hub = hub
        self._unacknowledged = unacknowledged
        self._history = history
        self._scheduler = scheduler
        self._send_timeout = send_timeout
        self._heartbeat_every = heartbeat
        self._max_age = max_age
        self._clock = clock
        self._shares: list[dict[Stream, float]] = [{} for _ in range(max(1, ceil(heartbeat)))]
        self._turn = 0
        self._next_share = 0
        self._stalled: dict[Stream, tuple[int, float]] = {}  # bytes its connection took, and since when no more
        self._running = False
        self.tick_every = heartbeat / len(self._shares)
        self.aborted = 0

    def __len__(self) -> int:
        return sum(map(len, self._shares))

    @property
    def streams(self) -> Iterable[Stream]:
        """Every stream it looks after."""
        return [stream for share in self._shares for stream in share]

    def add(self, stream: Stream) -> None:
        """Look after a stream. From when it is old is drawn now, so that not all that come at once go so."""
        self._shares[self._next_share][stream] = self._old_from() if stream.until is None else inf
        self._next_share = (self._next_share + 1) % len(self._shares)

    def remove(self, stream: Stream) -> None:
        """Look after it no longer; harmless when it was not known."""
        for share in self._shares:
            share.pop(stream, None)
        self._stalled.pop(stream, None)

    def start(self) -> None:
        """Begin to tick."""
        self._running = True
        self._again()

    def stop(self) -> None:
        """Tick no more."""
        self._running = False

    def tick(self) -> None:
        """Do what is due."""
        now_ms = self._clock()
        self._history.trim(now_ms)
        self._look_at_all()
        self._turn = (self._turn + 1) % len(self._shares)
        if self._max_age:
            self._end_old(self._shares[self._turn], now_ms)
        self._heartbeats(list(self._shares[self._turn]), now_ms)
        self._abort_stalled()

    def _again(self) -> None:
        self._scheduler.call_at(self._scheduler.time() + self.tick_every, self._timer)

    def _timer(self) -> None:
        if self._running:
            self._again()  # first: a tick that fails must not be the last
            self.tick()

    def _look_at_all(self) -> None:
        for stream in self.streams:
            # Servers that do not cancel handlers leave a gone client's stream behind.
            if stream.transport.is_closing():
                stream.end("client-gone")
            elif not stream.live:
                self._watch(stream)

    def _old_from(self) -> float:
        """Return when a stream that is opened now is old; the visit that finds it so comes within a heartbeat."""
        if not self._max_age:
            return inf
        youngest = YOUNGEST * self._max_age
        spare = max(0.0, self._max_age - self._heartbeat_every - youngest)
        return self._scheduler.time() + youngest + spare * random.random()  # noqa: S311 - not a secret

    def _end_old(self, share: dict[Stream, float], now_ms: int) -> None:
        """Send those to come again who are old; one that is behind, too, resumes where it was."""
        now = self._scheduler.time()
        for stream in [stream for stream, old_from in share.items() if old_from <= now and stream.ended is None]:
            retry_ms = spread(AGED, random.random())  # noqa: S311 - not a secret
            stream.write(stream.format.control(controls.goodbye("max-age", retry_ms, now_ms)))
            self._hub.dismiss(stream, "max-age")

    def _heartbeats(self, streams: Iterable[Stream], now_ms: int) -> None:
        head = self._hub.head
        shared: dict[Format, bytes] = {}
        for stream in streams:
            if stream.ended is not None:
                continue
            if self._hub.settled(stream):
                data = shared.get(stream.format)
                if data is None:
                    data = shared[stream.format] = self._heartbeat(stream.format, head, now_ms)
                if stream.pos > head:
                    data = self._heartbeat(stream.format, stream.pos, now_ms)
                if stream.write(data):
                    stream.pos = max(stream.pos, head)
            elif not stream.live and not stream.transport.get_write_buffer_size():
                stream.write(stream.format.pulse(now_ms))
            self._watch(stream)

    def _heartbeat(self, wire_format: Format, position: int, now_ms: int) -> bytes:
        return wire_format.control(controls.heartbeat(EventId(self._history.epoch, position), now_ms))

    def _watch(self, stream: Stream) -> None:
        if stream not in self._stalled and stream.transport.get_write_buffer_size():
            self._stalled[stream] = (self._taken(stream), self._scheduler.time())

    def _taken(self, stream: Stream) -> int:
        """Return how many bytes the client's machine has taken."""
        transport = stream.transport
        return stream.size - transport.get_write_buffer_size() - self._unacknowledged(transport)

    def _abort_stalled(self) -> None:
        now = self._scheduler.time()
        for stream, (before, since) in list(self._stalled.items()):
            if not stream.transport.get_write_buffer_size():
                del self._stalled[stream]
            elif (taken := self._taken(stream)) > before:
                self._stalled[stream] = (taken, now)
            elif now - since >= self._send_timeout:
                del self._stalled[stream]
                self.aborted += 1
                stream.abort("send-timeout")
