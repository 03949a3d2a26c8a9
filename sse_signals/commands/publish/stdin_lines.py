"""Signals that come line by line: as many in one request as have come meanwhile, and never too many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sse_signals.errors import ConfigurationError
from sse_signals.model import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sse_signals.model import Signal

PIECE: Final = 1024 * 1024  # bytes that are read at once
MOST_BYTES: Final = 512 * 1024  # of the messages in one request; a hub takes 1 MiB unless its settings say otherwise
_AROUND: Final = 64  # bytes around a message in a request, besides the address


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        number: Its number, from 1.
        content: Its bytes, without its end.
    """

    number: int
    content: bytes


@dataclass(slots=True)
class Lines:
    """The lines of what comes in pieces.

    Attributes:
        longest: Bytes after which a line that has no end yet is not waited for any more.
    """

    longest: int
    _rest: bytearray = field(default_factory=bytearray)
    _number: int = 0

    def feed(self, piece: bytes) -> list[Line]:
        """Take the next bytes, and return the lines that they complete, and one that is too long as far as it is."""
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = bytes(self._rest) + whole[0]
            self._rest.clear()
        self._rest += rest
        lines = [self._line(content) for content in whole]
        if len(self._rest) > self.longest:
            lines += self.end()
        return lines

    def end(self) -> list[Line]:
        """Return what is left: a line without an end, or nothing."""
        rest = bytes(self._rest)
        self._rest.clear()
        return [self._line(rest)] if rest else []

    def _line(self, content: bytes) -> Line:
        self._number += 1
        return Line(self._number, content.removesuffix(b"\r"))


def batches(signals: Sequence[Signal]) -> Iterator[Sequence[Signal]]:
    """Yield signals in the portions that one request can hold."""
    start, size = 0, 0
    for place, signal in enumerate(signals):
        more = len(signal.data) + _AROUND + len((signal.address or "").encode()) + _targets(signal)
        if place > start and (place - start == MAX_BATCH or size + more > MOST_BYTES):
            yield signals[start:place]
            start, size = place, 0
        size += more
    if start < len(signals):
        yield signals[start:]


def _targets(signal: Signal) -> int:
    return sum(len(ref.encode()) + 3 for ref in signal.targets or ())


def pieces(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield what comes, as it comes, until there is no more.

    Args:
        read: Returns at most so many bytes, as soon as there are some; nothing at the end.

    Raises:
        ConfigurationError: It cannot be read.
    """
    try:
        while piece := read(PIECE):
            yield piece
    except OSError as error:
        raise ConfigurationError(f"The lines cannot be read: {error.strerror}.") from None
