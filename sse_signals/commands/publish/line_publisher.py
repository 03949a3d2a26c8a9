"""Publishing line by line: in order, and exactly up to the first line that cannot be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sse_signals.commands.publish.stdin_lines import Lines, batches
from sse_signals.errors import InvalidInput, SignalsError, UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from sse_signals.commands.publish.stdin_lines import Line
    from sse_signals.model import Signal

_TOO_LARGE = 413


class LinesRefused(Exception):
    """Lines that could not be published; all those before them have been, and none after them.

    Attributes:
        first: The number of the first.
        last: The number of the last: one request holds several.
        error: Why.
    """

    def __init__(self, first: int, last: int, error: SignalsError) -> None:
        super().__init__(str(error))
        self.first = first
        self.last = last
        self.error = error

    @property
    def where(self) -> str:
        """Which lines, for people."""
        return f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"


class LinePublisher:
    """Publishes what comes in pieces, each line as one signal."""

    def __init__(
        self,
        make: Callable[[bytes], Signal],
        send: Callable[[Sequence[Signal]], Sequence[str]],
        accepted: Callable[[Sequence[str]], None],
        *,
        longest: int,
    ) -> None:
        """Begin with the first line.

        Args:
            make: Returns the signal of a line, or raises `InvalidInput`.
            send: Publishes signals in one request, and returns their ids.
            accepted: Told the ids, once for each request.
            longest: Bytes that a line may have.
        """
        self._make = make
        self._send = send
        self._accepted = accepted
        self._lines = Lines(longest)
        self._next = 1  # the number of the line that is to be published
        self._refused: LinesRefused | None = None

    def publish(self, pieces: Iterable[bytes]) -> None:
        """Publish all that comes.

        Raises:
            LinesRefused: Something cannot be published.
        """
        for piece in pieces:
            self._publish(self._lines.feed(piece))
        self._publish(self._lines.end())

    def _publish(self, lines: Iterable[Line]) -> None:
        """Publish lines, request by request: a piece may hold so many that all their signals would fill the memory."""
        for batch in batches(self._signals(lines)):
            self._request(batch, self._next)
            self._next += len(batch)
        if self._refused is not None:
            raise self._refused

    def _signals(self, lines: Iterable[Line]) -> Iterator[Signal]:
        """Yield the signals of lines, up to the first that is none."""
        for line in lines:
            try:
                signal = self._make(line.content)
            except InvalidInput as error:
                self._refused = LinesRefused(line.number, line.number, error)
                return
            yield signal

    def _request(self, batch: Sequence[Signal], first: int) -> None:
        """Publish signals in one request; if one of them is at fault, in smaller ones up to that."""
        try:
            ids = self._send(batch)
        except SignalsError as error:
            if len(batch) == 1 or not _may_be_one(error):
                raise LinesRefused(first, first + len(batch) - 1, error) from None
        else:
            self._accepted(ids)
            return
        half = len(batch) // 2
        self._request(batch[:half], first)
        self._request(batch[half:], first + half)


def _may_be_one(error: SignalsError) -> bool:
    return isinstance(error, InvalidInput) or (isinstance(error, UnexpectedAnswer) and error.status == _TOO_LARGE)
