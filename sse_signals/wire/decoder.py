"""Decoding: an event stream, in whatever pieces it arrives, becomes messages.

The rules are those of the HTML standard, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from sse_signals.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENT: Final = 1024 * 1024  # bytes

_BOM: Final = b"\xef\xbb\xbf"
# Far beyond any sensible delay, and short enough for every later calculation with it.
_MAX_RETRY_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Message:
    """One message, as an ``EventSource`` would dispatch it.

    Attributes:
        data: Its data lines, joined with line feeds.
        last_event_id: The id to resume after it, its own or an earlier one's; empty when there was none.
        event: Its event name.
    """

    data: str
    last_event_id: str = ""
    event: str = "message"


class Decoder:
    """The reader's end of one response body of type ``text/event-stream``.

    Attributes:
        last_event_id: What a client resumes with: the id as of the last completed event; empty when there was none.
        retry_ms: How long the server asks to wait before a reconnect, in milliseconds, or None if it did not ask.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_event",
        "_first",
        "_id",
        "_limit",
        "_line",
        "_size",
        "last_event_id",
        "retry_ms",
    )

    def __init__(self, *, last_event_id: str = "", limit: int = MAX_EVENT) -> None:
        """Start at the beginning of a response.

        Args:
            last_event_id: The id the response was asked to resume after.
            limit: How many bytes of one event may be held: its data and the line that is still incomplete.
        """
        self.last_event_id = last_event_id
        self.retry_ms: int | None = None
        self._limit = limit
        self._first = True
        self._after_cr = False
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._event = b""
        self._id = last_event_id

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take the next bytes, and yield the messages they complete.

        `last_event_id` moves with the messages as they are taken out, so take out all of them before feeding more.
        An event that the end of the response cuts short is never yielded.

        Args:
            data: Any number of bytes; characters, line ends and events may be cut anywhere.

        Raises:
            InvalidInput: An event is longer than the limit. Those before it have been yielded; nothing can follow.
        """
        if not data:
            return
        *lines, rest = self._split(data)
        for line in lines:
            if self._line or self._first:
                line = self._ended(line)  # noqa: PLW2901 - it began in an earlier piece, or is the first of all
            elif len(line) + self._size > self._limit:
                self._refuse()
            if line:
                self._field(line)
            elif (message := self._dispatch()) is not None:
                yield message
        self._hold(rest)

    def _split(self, data: bytes) -> list[bytes]:
        """Return the lines that end in a piece, and what is left of it."""
        ended_before = self._after_cr and data.startswith(b"\n")
        self._after_cr = data.endswith(b"\r")
        if ended_before:
            data = data[1:]
        if b"\r" in data:
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        # Nothing else ends a line: str.splitlines and its kin would also break the data at U+2028, U+0085 and others.
        return data.split(b"\n")

    def _hold(self, part: bytes) -> None:
        self._line += part
        if len(self._line) + self._size > self._limit:
            self._refuse()

    def _ended(self, rest: bytes) -> bytes:
        self._hold(rest)
        line = bytes(self._line)
        self._line.clear()
        if self._first:
            self._first = False
            return line.removeprefix(_BOM)
        return line

    def _refuse(self) -> NoReturn:
        raise InvalidInput(
            f"An event of the stream is longer than {self._limit} bytes.", hint="Read it with a higher limit."
        )

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1  # with the line feed that joins them
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode(errors="replace")
        elif name == b"event":
            self._event = value
        elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
            self.retry_ms = int(value)

    def _dispatch(self) -> Message | None:
        self.last_event_id = self._id
        event, self._event = self._event, b""
        if not self._data:
            return None
        data, self._data, self._size = self._data, [], 0
        return Message(
            b"\n".join(data).decode(errors="replace"),
            self.last_event_id,
            event.decode(errors="replace") if event else "message",
        )
