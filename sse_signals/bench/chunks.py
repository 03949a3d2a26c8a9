"""HTTP/1.1's chunked transfer coding (RFC 9112, section 7.1), taken off a response as it comes."""

from __future__ import annotations

from typing import Final

_LINE: Final = b"\r\n"


class Chunks:
    """Takes a body out of its chunks, wherever a server or a proxy cut them and however they arrive.

    Attributes:
        ended: Whether the last chunk, which is empty, has come.
    """

    __slots__ = ("_left", "_rest", "ended")

    def __init__(self) -> None:
        self._left = 0  # bytes of the present chunk that are still to come, with the line break that ends it
        self._rest = b""  # what cannot be understood yet: a part of a chunk's first line
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """Return the bytes of the body in what came.

        Raises:
            ValueError: It is not in chunks.
        """
        if 2 < len(data) + 2 <= self._left:  # well within a chunk, as most pieces of a long one are
            self._left -= len(data)
            return data
        if self._rest:
            data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.ended:
            if not self._left:
                line_end = data.find(_LINE, at)
                if line_end < 0:
                    self._rest = data[at:]
                    break
                size = int(data[at:line_end].partition(b";")[0], 16)
                at = line_end + 2
                self.ended = not size
                self._left = size + 2
            stop = min(at + self._left, len(data))
            self._left -= stop - at
            # The last two bytes of a chunk are its line break, of which a part may have come.
            pieces.append(data[at : max(at, stop - max(0, 2 - self._left))])
            at = stop
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)
