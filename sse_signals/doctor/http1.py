"""HTTP/1.1 as it is received: heads and bodies out of bytes. Nothing is read here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sse_signals.doctor.exchange import Ending, Head, How, NoAnswer

if TYPE_CHECKING:
    from sse_signals.doctor.exchange import Ask

_STATUS_LINE: Final = re.compile(r"(HTTP/1\.[01]) ([1-5][0-9][0-9])(?: .*)?")
_NO_BODY: Final = frozenset({204, 304})
_LONGEST_SIZE: Final = 1024  # bytes of the line that tells a chunk's size
_NO_HTTP: Final = "it sent something that is no HTTP"


def request(ask: Ask, host: str) -> bytes:
    """Return a request's bytes.

    Args:
        ask: What is asked for.
        host: The server, as it stands in the ``Host`` header.
    """
    length = [("Content-Length", str(len(ask.body)))] if ask.body or ask.method == "POST" else []
    lines = [f"{ask.method} {ask.target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in (*ask.headers, *length)]
    return "\r\n".join([*lines, "", ""]).encode() + ask.body  # Last-Event-ID is UTF-8, as browsers send it


def head(raw: bytes) -> Head:
    """Read the head of an answer, with the empty line that ends it.

    Raises:
        NoAnswer: It is none.
    """
    first, *lines = raw.decode("latin-1").split("\r\n")
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise NoAnswer(Ending(How.RESET, _NO_HTTP))
    pairs = (line.partition(":") for line in lines if line)
    return Head(int(match[2]), tuple((name.strip().lower(), value.strip()) for name, _, value in pairs), match[1])


class Body:
    """The body of one answer.

    Attributes:
        complete: Whether all of it has come.
    """

    __slots__ = ("_chunked", "_left", "_raw", "_trailers", "complete")

    def __init__(self, head: Head) -> None:
        length = head.get("content-length")
        self._chunked = head.get("transfer-encoding").lower().endswith("chunked")
        self._left = int(length) if length.isdigit() and not self._chunked else None  # bytes of this chunk, or of all
        self._raw = b""
        self._trailers = False
        self.complete = head.status in _NO_BODY or self._left == 0

    def feed(self, data: bytes) -> bytes:
        """Take what came, and return what of it is the body's.

        Raises:
            NoAnswer: A chunk is none.
        """
        if not self._chunked:
            return self._plain(data)
        self._raw += data
        parts = []
        while not self.complete and (part := self._chunk()) is not None:
            parts.append(part)
        return b"".join(parts)

    def end(self) -> Ending:
        """Return how it has ended now that the connection is closed."""
        if self.complete:
            return Ending(How.CLEAN)
        return Ending(How.CLOSED if self._left is None and not self._chunked else How.INCOMPLETE)

    def _plain(self, data: bytes) -> bytes:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self.complete = self._left == 0
        return data

    def _chunk(self) -> bytes | None:
        """Return the next piece of a chunk's data, empty for what surrounds it; None when more has to come first."""
        if self._left:
            part, self._raw = self._raw[: self._left], self._raw[self._left :]
            self._left -= len(part)
            return part or None
        line, found, rest = self._raw.partition(b"\r\n")
        if not found:
            if len(line) > _LONGEST_SIZE:
                raise NoAnswer(Ending(How.RESET, _NO_HTTP))
            return None
        self._raw = rest
        if self._trailers:
            self.complete = not line
        elif self._left is None or line:  # not the line that ends a chunk's data
            self._size(line)
        else:
            self._left = None
        return b""

    def _size(self, line: bytes) -> None:
        try:
            self._left = int(line.partition(b";")[0], 16)
        except ValueError:
            raise NoAnswer(Ending(How.RESET, _NO_HTTP)) from None
        self._trailers = self._left == 0
