"""Signals that come line by line: as many in one request as have come meanwhile, and never too many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sse_signals.errors import ConfigurationError
from sse_signals.model import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

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

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Take the next bytes, and yield the lines that they complete, and one that is too long as far as it is.

        All have to be taken before the next call.
        """
        *whole, rest = piece.split(b"\n")
        if whole:
            whole[0] = bytes(self._rest) + whole[0]
            self._rest.clear()
        self._rest += rest
        yield from map(self._line, whole)
        if len(self._rest) > self.longest:
            yield from self.end()

    def end(self) -> Iterator[Line]:
        """Yield what is left: a line without an end, or nothing."""
        rest = bytes(self._rest)
        self._rest.clear()
        if rest:
            yield self._line(rest)

    def _line(self, content: bytes) -> Line:
        self._number += 1
        return Line(self._number, content.removesuffix(b"\r"))


def batches(signals: Iterable[Signal]) -> Iterator[Sequence[Signal]]:
    """Yield signals in the portions that one request can hold; no more of them are there at any time."""
    batch: list[Signal] = []
    size = 0
    for signal in signals:
        more = len(signal.data) + _AROUND + len((signal.address or "").encode()) + _targets(signal)
        if batch and (len(batch) == MAX_BATCH or size + more > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(signal)
        size += more
    if batch:
        yield batch


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
