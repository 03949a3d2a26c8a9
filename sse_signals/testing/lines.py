"""The connections of a test's hub, with valves: they can be cut, and stalled with everything that is on its way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Line(asyncio.Protocol):
    """One connection: stands between an asyncio transport and the protocol that serves it, for both of them.

    Stalled, it keeps what the hub writes, and the hub sees a client that takes nothing, as on a network that has gone
    silent: it neither loses what it has to say nor piles it up.

    Attributes:
        streaming: Whether a stream is asked for or open on it.
    """

    def __init__(self, protocol: asyncio.Protocol, lines: Lines) -> None:
        self._protocol = protocol
        self._lines = lines
        self._transport = cast("asyncio.Transport", None)  # until it is connected
        self._kept = bytearray()
        self._full = False  # the connection takes no more
        self._stalled = False
        self._paused = False  # what the protocol was told last: it wants to hear of each change once
        self.streaming = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._lines.add(self)
        self._protocol.connection_made(cast("asyncio.Transport", self))

    def data_received(self, data: bytes) -> None:
        """Hand on what the client sent."""
        self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that the client sends no more."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand on that the connection is closed."""
        self._lines.discard(self)
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Hand on that the connection takes no more."""
        self._full = True
        self._tell()

    def resume_writing(self) -> None:
        """Hand on that it does again, unless the valve is shut."""
        self._full = False
        self._tell()

    def stall(self) -> None:
        """Let nothing through any more."""
        self._stalled = True
        self._tell()

    def flow(self) -> None:
        """Let everything through that was kept, and all that follows."""
        self._stalled = False
        self._transport.write(bytes(self._kept))
        self._kept.clear()
        self._tell()

    def _tell(self) -> None:
        paused = self._full or self._stalled
        if paused != self._paused:
            self._paused = paused
            (self._protocol.pause_writing if paused else self._protocol.resume_writing)()

    # What follows is a transport's, as far as the hub's side needs another one than asyncio's.

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write, or keep it."""
        if self._stalled:
            self._kept += data
        else:
            self._transport.write(data)
        self._lines.changed()  # a stream's first bytes tell that it is open

    def writelines(self, pieces: Iterable[bytes]) -> None:
        """Write, or keep it."""
        self.write(b"".join(pieces))

    def get_write_buffer_size(self) -> int:
        """Return how many bytes have not gone out yet."""
        return len(self._kept) + self._transport.get_write_buffer_size()


class Lines:
    """All connections of a hub."""

    def __init__(self, changed: Callable[[], object]) -> None:
        """Make it.

        Args:
            changed: Called when there may be another number of streams.
        """
        self._all: dict[Line, None] = {}
        self._stalls = 0
        self.changed = changed

    def add(self, line: Line) -> None:
        """Know a connection."""
        self._all[line] = None

    def discard(self, line: Line) -> None:
        """Know it no longer."""
        self._all.pop(line, None)

    def stream(self, line: Line) -> None:
        """Note that a stream is asked for on a connection."""
        line.streaming = True
        if self._stalls:
            line.stall()

    def streamed(self, line: Line) -> None:
        """Note that it has ended."""
        line.streaming = False
        self.changed()

    def stall(self) -> None:
        """Shut the valves of all that have a stream, and of those to come."""
        self._stalls += 1
        for line in self._streaming():
            line.stall()

    def flow(self) -> None:
        """Undo one `stall`; with the last one, everything goes on."""
        self._stalls -= 1
        if not self._stalls:
            for line in list(self._all):
                line.flow()

    def cut(self, *, all_of_them: bool = False) -> Sequence[Line]:
        """Drop connections with what is on its way, and return them: those that have a stream, or all of them."""
        lines = list(self._all) if all_of_them else self._streaming()
        for line in lines:
            line.abort()
        return lines

    def _streaming(self) -> Sequence[Line]:
        return [line for line in self._all if line.streaming]
