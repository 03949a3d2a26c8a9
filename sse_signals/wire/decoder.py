"""Decoding: an event stream, in whatever pieces it arrives, becomes messages.

The rules are those of the HTML standard, section 9.2.6 "Interpreting an event stream".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sse_signals.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_EVENT: Final = 1024 * 1024  # bytes

_BOM: Final = b"\xef\xbb\xbf"
# Nothing else ends a line: str.splitlines and its kin would also break the data at U+2028, U+0085 and others.
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
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

    __slots__ = ("_after_cr", "_data", "_event", "_first", "_id", "_limit", "_line", "last_event_id", "retry_ms")

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
        self._data = bytearray()
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
        start = 1 if self._after_cr and data.startswith(b"\n") else 0
        self._after_cr = data.endswith(b"\r")
        for line_end in _LINE_END.finditer(data, start):
            line = self._take_line(data[start : line_end.start()])
            start = line_end.end()
            if line:
                self._field(line)
            elif (message := self._dispatch()) is not None:
                yield message
        self._hold(data[start:])

    def _take_line(self, rest: bytes) -> bytes:
        self._hold(rest)
        line = bytes(self._line)
        self._line.clear()
        if self._first:
            self._first = False
            return line.removeprefix(_BOM)
        return line

    def _hold(self, part: bytes) -> None:
        if len(self._data) + len(self._line) + len(part) > self._limit:
            raise InvalidInput(
                f"An event of the stream is longer than {self._limit} bytes.", hint="Read it with a higher limit."
            )
        self._line += part

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._data += value + b"\n"
            case b"event":
                self._event = value
            case b"id" if b"\0" not in value:
                self._id = value.decode(errors="replace")
            case b"retry" if value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:
                self.retry_ms = int(value)

    def _dispatch(self) -> Message | None:
        data, event = self._data, self._event
        self._data, self._event = bytearray(), b""
        self.last_event_id = self._id
        if not data:
            return None
        return Message(
            data[:-1].decode(errors="replace"), self.last_event_id, event.decode(errors="replace") or "message"
        )
