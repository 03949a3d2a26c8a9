"""The lives of open streams: told before they expire, ended when they do, prolonged, changed, or revoked."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

from sse_signals.grants import readable
from sse_signals.life.drain import say_goodbye
from sse_signals.wire import controls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.hub.hub import Hub
    from sse_signals.hub.stream import Stream
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Scheduler

TICK: Final = 0.25  # seconds between two looks at what is due: a stream ends within a second of its expiry
SLICE: Final = 0.002  # seconds of ending and warning streams after which the loop goes round
_SPARE: Final = 64  # entries of streams that are gone which may stay
PATIENCE: Final = 0.5  # seconds that a connection gets to take what it still has to, before it is aborted


class Lives:
    """The open streams whose identities somebody vouches for, by name and by subject."""

    def __init__(
        self, hub: Callable[[], Hub], scheduler: Scheduler, *, expiring: float, clock: Callable[[], int]
    ) -> None:
        """Make it without streams.

        Args:
            hub: Returns the hub that they are streams of.
            scheduler: The event loop.
            expiring: Seconds before its end at which a stream is told of it.
            clock: Returns milliseconds since 1970-01-01 UTC.
        """
        self._hub = hub
        self._scheduler = scheduler
        self._expiring_ms = round(expiring * 1000)
        self._clock = clock
        self._by_name: dict[str, Stream] = {}
        self._by_subject: dict[str | None, dict[Stream, None]] = {}
        self._due: list[tuple[int, int, Stream, int]] = []  # a heap of when to look at a stream that expires then
        self._numbers = count()  # so that the heap never compares streams
        self._entries: dict[Stream, int] = {}  # the number of the one entry of each stream that counts
        self._leaving: dict[Stream, float] = {}
        self._former: dict[Stream, set[str]] = {}  # tokens of renewed streams, besides the present one
        self._ticking = False

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def streams(self) -> Iterable[Stream]:
        """The open streams, without those that are being ended."""
        return [stream for stream in self._by_name.values() if stream.ended is None]

    def add(self, stream: Stream) -> None:
        """Take care of a stream, in the tick in which its identity was checked."""
        self._by_name[stream.name] = stream
        self._by_subject.setdefault(stream.identity.subject, {})[stream] = None
        self._look_later(stream)

    def remove(self, stream: Stream) -> None:
        """Take care of it no longer; harmless when it was not known."""
        if self._by_name.pop(stream.name, None) is not None:
            same = self._by_subject[stream.identity.subject]
            del same[stream]
            if not same:
                del self._by_subject[stream.identity.subject]
        self._leaving.pop(stream, None)
        self._former.pop(stream, None)
        self._entries.pop(stream, None)

    def find(self, name: str) -> Stream | None:
        """Return an open stream by its name."""
        stream = self._by_name.get(name)
        return stream if stream is not None and stream.ended is None else None

    def of(self, subject: str | None) -> Iterable[Stream]:
        """Return the open streams of a subject."""
        return [stream for stream in self._by_subject.get(subject, ()) if stream.ended is None]

    def change(self, stream: Stream, identity: Identity) -> None:
        """Let a stream go on with another identity of the same subject; what is pending is filtered anew at once.

        Raises:
            NotGranted: The new identity may not read what the stream asks for; it goes on as it was.
        """
        filters = readable(stream.asked, identity.grants)
        prolonged = identity.expires_ms != stream.identity.expires_ms
        if identity.token_id != stream.identity.token_id and stream.identity.token_id is not None:
            self._former.setdefault(stream, set()).add(stream.identity.token_id)
        self._hub().change(stream, identity, filters)
        if prolonged:
            self._look_later(stream)

    def tokens_of(self, stream: Stream) -> set[str]:
        """Return the ids of the tokens that a stream was opened and renewed with."""
        present = {stream.identity.token_id} if stream.identity.token_id is not None else set()
        return present | self._former.get(stream, set())

    def end(self, stream: Stream, reason: str) -> None:
        """End a stream now: it is told why, gets nothing more, and is aborted if its connection takes too long."""
        if stream.ended is not None:
            return
        try:
            say_goodbye(stream, reason, self._clock())
        finally:  # whatever its connection does, it gets nothing more
            self._hub().dismiss(stream, reason)
            self._leaving[stream] = self._scheduler.time() + PATIENCE
            self._keep_ticking()

    def _look_later(self, stream: Stream) -> None:
        expires_ms = stream.identity.expires_ms
        if expires_ms is None:
            self._entries.pop(stream, None)
        else:
            self._push(expires_ms - self._expiring_ms, stream, expires_ms)

    def _push(self, when_ms: int, stream: Stream, expires_ms: int) -> None:
        number = self._entries[stream] = next(self._numbers)
        heappush(self._due, (when_ms, number, stream, expires_ms))
        if len(self._due) > 2 * len(self._by_name) + _SPARE:  # most are of streams that are gone
            self._due = [entry for entry in self._due if self._counts(entry)]
            heapify(self._due)
        self._keep_ticking()

    def _counts(self, entry: tuple[int, int, Stream, int]) -> bool:
        """Say whether a stream is still there, and still expires as this entry says."""
        return self._entries.get(entry[2]) == entry[1]

    def _keep_ticking(self) -> None:
        if not self._ticking:
            self._ticking = True
            self._scheduler.call_at(self._scheduler.time() + TICK, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        try:
            now_ms, until = self._clock(), self._scheduler.time() + SLICE
            while self._due and self._due[0][0] <= now_ms:
                if self._scheduler.time() >= until:  # thousands may expire at once
                    self._ticking = True
                    self._scheduler.call_soon(self._tick)
                    return
                entry = heappop(self._due)
                if self._counts(entry):
                    self._is_due(entry[2], entry[3], now_ms)
            self._abort_leaving()
        finally:
            if (self._due or self._leaving) and not self._ticking:
                self._keep_ticking()

    def _is_due(self, stream: Stream, expires_ms: int, now_ms: int) -> None:
        if now_ms >= expires_ms:
            self.end(stream, "expired")
            return
        notice = controls.expiring(expires_ms, now_ms)
        again_ms = now_ms + round(TICK * 1000)
        try:
            told = stream.ended is None and stream.write(stream.format.control(notice))
        finally:  # however the notice fares, the end must come
            self._push(expires_ms, stream, expires_ms)
        if not told and again_ms < expires_ms:
            self._push(again_ms, stream, expires_ms)

    def _abort_leaving(self) -> None:
        now = self._scheduler.time()
        for stream in [stream for stream, until in self._leaving.items() if until <= now]:
            del self._leaving[stream]
            stream.transport.abort()
