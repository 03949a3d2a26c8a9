"""One open stream of a load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.bench.answers import chunked
from sse_signals.bench.chunks import Chunks

if TYPE_CHECKING:
    import socket

    from sse_signals.bench.received import Received


class OpenStream:
    """A socket, and what came on it.

    Attributes:
        sock: The socket.
        channel: The name of its channel.
        received: What it received of that.
        preamble: What came until it was open, head and receipt.
        ended: Whether the other side ended it.
    """

    __slots__ = ("_chunks", "channel", "ended", "preamble", "received", "sock")

    def __init__(self, sock: socket.socket, channel: str, received: Received, preamble: bytes) -> None:
        self.sock = sock
        self.channel = channel
        self.received = received
        self.preamble = preamble
        self.ended = False
        self._chunks = Chunks() if chunked(preamble.partition(b"\r\n\r\n")[0]) else None

    def feed(self, data: bytes, now_us: int) -> bool:
        """Take what came of the body, at a time in microseconds; say whether more can come."""
        if self._chunks is None:
            self.received.feed(data, now_us)
            return True
        try:
            self.received.feed(self._chunks.feed(data), now_us)
        except ValueError:  # the framing is broken: nobody can tell any more what belongs to the body
            return False
        return not self._chunks.ended

    def end(self) -> None:
        """Note that no more will come."""
        self.ended = True
        self.received.leave()
