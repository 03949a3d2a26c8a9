"""Streams of a load: opened many at a time, read as fast as they come, and checked."""

from __future__ import annotations

import select
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from sse_signals.bench.channel import Channel
from sse_signals.bench.connections import Connector, read
from sse_signals.bench.latencies import Latencies
from sse_signals.bench.messages import MIN_SIZE
from sse_signals.bench.open_stream import OpenStream
from sse_signals.bench.opening import Opening, Wanted
from sse_signals.bench.remote import now_us
from sse_signals.bench.tally import Tally
from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from multiprocessing.connection import Connection

    from sse_signals.bench.messages import Messages
    from sse_signals.bench.target import Address

__all__ = ["Readers", "Tally", "Wanted"]

_LOOK_EVERY: Final = 0.01  # seconds between two looks at how far all streams are
_UNCHECKED: Final = 16 * 1024 * 1024  # bytes that may have been read and not been checked yet


class Readers:
    """Reads streams in the process it is made in; see `sse_signals.bench.remote.Remote`."""

    def __init__(self, address: Address, messages: Messages) -> None:
        """Make readers of no streams yet.

        Raises:
            LoadFailed: The host is not known.
        """
        self._connector = Connector(address)
        self._messages = messages
        self._epoll = select.epoll()
        self._channels: dict[str, Channel] = {}
        self._streams: list[OpenStream] = []
        self._reading: dict[int, OpenStream] = {}
        self._latencies = Latencies()
        self._unchecked: list[tuple[OpenStream, bytes, int]] = []  # what was read, and when
        self._unchecked_size = 0
        self._size = 0
        self._last_us = 0

    def open(self, wanted: Sequence[Wanted], ready: bytes, at_once: int, patience: float, timed_every: int) -> float:
        """Open streams, and read the others meanwhile.

        Args:
            wanted: What to open, in this order.
            ready: Bytes that a stream has received once it is open for good.
            at_once: How many are being opened at a time.
            patience: Seconds without progress after which it fails.
            timed_every: Of so many streams one has its latencies counted.

        Returns:
            Seconds until all were open.

        Raises:
            LoadFailed: A stream was refused, or cannot be opened.
        """
        waiting = deque(one for group in wanted for one in [group] * group.count)
        opening: dict[int, Opening] = {}
        started = progress = time.monotonic()
        try:
            while waiting or opening:
                while waiting and len(opening) < at_once:
                    one = Opening(self._connector, self._epoll, waiting.popleft(), ready)
                    opening[one.fileno] = one
                if self._go_on(opening, timed_every):
                    progress = time.monotonic()
                if time.monotonic() - progress > patience:
                    raise LoadFailed(f"Streams cannot be opened: {len(opening)} have had no answer for {patience:g} s.")
        finally:
            for one in opening.values():
                one.close()
        return time.monotonic() - started

    def watch(self, expected: Mapping[str, int], seconds: float) -> bool:
        """Read until every stream that is read received what its channel should have, or the time is over.

        Args:
            expected: How many messages, by channel.
            seconds: How long to wait.

        Returns:
            Whether all did.
        """
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            if all(one.ended or one.received.count >= expected.get(one.channel, 0) for one in self._reading.values()):
                return True
            self._read_until(min(end, now + _LOOK_EVERY))
        return False

    def received(self) -> int:
        """Return how many messages all streams received."""
        self._check()
        return sum(stream.received.count for stream in self._streams)

    def tally(self, expected: Mapping[str, int]) -> Tally:
        """Return what the streams received, beside how many messages each channel should have."""
        self._check()
        tally = Tally(len(self._streams), size=self._size, last_us=self._last_us, latencies=self._latencies)
        for stream in self._streams:
            count = stream.received.count
            tally.ended += stream.ended
            tally.received += count
            tally.late += stream.received.late
            tally.timed += stream.received.timed
            missing = expected.get(stream.channel, 0) - count
            tally.lost += max(0, missing)
            tally.surplus += max(0, -missing)
        tally.disordered = sum(channel.disordered for channel in self._channels.values())
        return tally

    def preambles(self) -> Sequence[bytes]:
        """Return what each stream received until it was open, head and receipt."""
        return [stream.preamble for stream in self._streams]

    def forget_latencies(self) -> None:
        """Count latencies from here on only."""
        self._check()
        self._latencies = Latencies()
        for stream in self._streams:
            stream.received.count_latencies(self._latencies)

    def read_all(self) -> None:
        """Read the streams too that have not been read so far."""
        for stream in self._streams:
            if stream.sock.fileno() not in self._reading and not stream.ended:
                self._start(stream)

    def close(self) -> None:
        """Close all streams."""
        for stream in self._streams:
            stream.sock.close()
        self._epoll.close()

    def wait(self, calls: Connection) -> None:
        """Read until a call comes."""
        fileno = calls.fileno()
        self._epoll.register(fileno, select.EPOLLIN)
        try:
            while True:
                called = False
                for ready, _ in self._ready(None):
                    if ready == fileno:
                        called = True
                    else:
                        self._read(self._reading[ready])
                if called:
                    return
        finally:
            self._epoll.unregister(fileno)

    def _read_until(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            for fileno, _ in self._ready(left):
                self._read(self._reading[fileno])
        self._check()

    def _go_on(self, opening: dict[int, Opening], timed_every: int) -> bool:
        """Take the next steps of what is being opened, and read the others; say whether one more is open."""
        progress = False
        for fileno, _ in self._ready(1.0):
            one = opening.get(fileno)
            if one is None:
                self._read(self._reading[fileno])
            elif one.go_on():
                del opening[fileno]
                self._opened(one, timed_every)
                progress = True
        return progress

    def _opened(self, opening: Opening, timed_every: int) -> None:
        wanted = opening.wanted
        channel = self._channels.get(wanted.channel)
        if channel is None:
            channel = self._channels[wanted.channel] = Channel(self._messages)
        timed = len(self._streams) % timed_every == 0
        received = channel.receive(self._latencies if timed else None)
        stream = OpenStream(opening.sock, wanted.channel, received, opening.received)
        stream.feed(opening.received.partition(b"\r\n\r\n")[2], now_us())
        self._streams.append(stream)
        self._epoll.unregister(stream.sock.fileno())
        if wanted.read:
            self._start(stream)

    def _start(self, stream: OpenStream) -> None:
        fileno = stream.sock.fileno()
        self._reading[fileno] = stream
        self._epoll.register(fileno, select.EPOLLIN)

    def _ready(self, seconds: float | None) -> list[tuple[int, int]]:
        """Return the sockets that are ready, waiting for one no longer than this.

        What was read is checked when nothing is ready: a stream's latency is not to hold the checks of those before it.
        """
        if self._unchecked:
            if self._unchecked_size < _UNCHECKED and (found := self._epoll.poll(0)):
                return found
            self._check()
        return self._epoll.poll(seconds)

    def _read(self, stream: OpenStream) -> None:
        try:
            data = read(stream.sock)
        except OSError:
            data = b""
        if data:
            self._unchecked.append((stream, data, now_us()))
            self._unchecked_size += len(data)
        elif data is not None:
            self._check()
            self._close(stream)

    def _check(self) -> None:
        unchecked, self._unchecked, self._unchecked_size = self._unchecked, [], 0
        for stream, data, now in unchecked:
            if len(data) >= MIN_SIZE:  # not a sign of life
                self._last_us = now
            self._size += len(data)
            if not stream.feed(data, now):  # though its connection may stay open
                stream.end()

    def _close(self, stream: OpenStream) -> None:
        stream.end()
        fileno = stream.sock.fileno()
        self._epoll.unregister(fileno)
        del self._reading[fileno]
        stream.sock.close()
