"""What streams of the same filters received: whole, once and in the same order, checked without parsing each of them.

All of them should be sent the same bytes. The first to receive some has them searched for messages; what the others
receive is compared with that, which costs a hundredth. A stream whose bytes differ, by a heartbeat for example, is
searched by itself until it is found to agree again.

How many messages a stream got is exact for every stream. Their order is that in which the first stream gets them: if it
is this stream that gets one too late or not at all, then that message is late on all others, although they are right.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from sse_signals.bench.received import Received

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.bench.latencies import Latencies
    from sse_signals.bench.messages import Messages

_KEPT: Final = 4 * 1024 * 1024  # bytes to compare with, at least
_SIGN_OF_LIFE: Final = 256  # bytes: what is shorter and no message comes to every stream at another time
_PUBLISHERS: Final = 1 << 16


class Channel:
    """Messages in the order in which streams receive them, and the bytes that brought the newest.

    Attributes:
        sent: When each was sent, in microseconds.
        disordered: Messages that came to the first stream after a later one of the same publisher.
        carry: Bytes that the longest message may take, with what a hub puts around it.
        agreeing: How many streams have received the same bytes.
    """

    def __init__(self, messages: Messages) -> None:
        self._find = messages.find
        self._index: dict[int, int] = {}
        self._newest: dict[int, int] = {}
        self._ends: list[int] = []  # for each message, the offset at which it ended; offsets count all bytes ever held
        self._text = bytearray()
        self._base = 0  # offset of the text's first byte
        self._scanned = 0  # offset up to which it holds no more message
        self._members: list[Received] = []
        self.carry = 2 * messages.size + 4096
        self._kept = max(_KEPT, 4 * self.carry)
        self.agreeing = 0
        self.sent = array("q")
        self.disordered = 0

    def __len__(self) -> int:
        return len(self.sent)

    def receive(self, latencies: Latencies | None = None) -> Received:
        """Return a new stream of this channel, which should get every message from the first on.

        Args:
            latencies: Where its latencies are counted, if they are.
        """
        stream = Received(self, latencies)
        self._members.append(stream)
        return stream

    def find(self, text: bytes | bytearray) -> list[tuple[int, int]]:
        """Return index and end of every whole message in a text; those not seen before are added."""
        return [
            (self._learn(int(match[1]) * _PUBLISHERS + int(match[2]), int(match[3])), match.end())
            for match in self._find(text)
        ]

    def upto(self, offset: int, low: int) -> int:
        """Return how many messages, of which ``low`` are known, have ended at an offset."""
        return bisect_right(self._ends, offset, low)

    def matches(self, data: bytes, offset: int) -> bool:
        """Say whether the text goes on with ``data`` at an offset, appending to it what it does not hold yet."""
        text = self._text
        at = offset - self._base
        if at < 0:
            return False
        if text.startswith(data, at):
            return True
        held = len(text) - at
        return held < len(data) and data.startswith(text[at:]) and self._append(data[held:], offset)

    def since(self, offset: int, index: int) -> bytes:
        """Return the text up to an offset, from the end of the message before ``index`` or as much as may be needed."""
        start = max(self._ends[index - 1], offset - self.carry)
        return bytes(self._text[start - self._base : offset - self._base])

    def meet(self, text: bytes, wanted: int) -> int | None:
        """Return the offset of a stream that goes on like the text from its first whole message on, or None.

        Args:
            text: What a stream received.
            wanted: Which message has to be the first.
        """
        first = next(self._find(text), None) if wanted < len(self._ends) else None
        if first is None or self._index.get(int(first[1]) * _PUBLISHERS + int(first[2])) != wanted:
            return None
        offset, rest = self._ends[wanted], text[first.end() :]
        return offset + len(rest) if self.matches(rest, offset) else None

    def place(self, index: int, rest: bytes) -> int | None:
        """Return the offset of a stream whose last message was this, followed by ``rest``; None if it differs."""
        if index >= len(self._ends):
            return self.begin(rest, [(index, 0)])
        return self._ends[index] + len(rest) if self.matches(rest, self._ends[index]) else None

    def begin(self, text: bytes, found: Sequence[tuple[int, int]]) -> int | None:
        """Begin a new text, if few agree with the old one any more.

        Args:
            text: What a stream received.
            found: Index and end of each message in it.

        Returns:
            The offset of that stream; None if there is no need.
        """
        known, last = len(self._ends), found[-1][0]
        if last < known or last != len(self) - 1 or 2 * self.agreeing > len(self._members):
            return None
        fresh = [(index, end) for index, end in found if index >= known]
        if [index for index, _ in fresh] != list(range(fresh[0][0], last + 1)):
            fresh = fresh[-1:]
        end = self._base + len(self._text)
        self._leave_before(end + 1)
        self._base = end + 1
        self._ends += [end] * (fresh[0][0] - known)  # messages that are not in it end where nobody can be
        self._ends += [self._base + at for _, at in fresh]
        self._scanned = self._ends[-1]
        self._text = bytearray(text)
        return self._base + len(text)

    def _learn(self, key: int, sent: int) -> int:
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.sent)
            self.sent.append(sent)
            number, publisher = divmod(key, _PUBLISHERS)
            self.disordered += number <= self._newest.get(publisher, -1)
            self._newest[publisher] = max(number, self._newest.get(publisher, 0))
        return index

    def _append(self, data: bytes, offset: int) -> bool:
        """Append what a stream at an offset received, unless it brings other messages than those known to come next."""
        start = self._scanned - self._base
        text = self._text[start:] + data
        found = self.find(text)
        if not found and len(data) < _SIGN_OF_LIFE:
            return False
        first = len(self._ends)
        if [index for index, _ in found] != list(range(first, first + len(found))):
            return False
        self._ends += [self._scanned + end for _, end in found]
        self._text += data
        end = self._base + len(self._text)
        self._scanned = max(self._ends[-1], self._scanned, end - self.carry)
        if len(self._text) > 2 * self._kept:
            self._trim(min(end - self._kept, offset - self.carry))
        return True

    def _trim(self, base: int) -> None:
        self._leave_before(base + self.carry)  # who stays can still be told what it received after its last message
        del self._text[: base - self._base]
        self._base = base

    def _leave_before(self, offset: int) -> None:
        for stream in self._members:
            stream.leave_before(offset)
