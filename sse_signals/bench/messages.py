"""The messages that a load consists of: numbered, time-stamped, and as long as asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

MIN_SIZE = 96  # bytes: what number, publisher, time and run need at their longest
_AROUND: Final = len('{"bench":"","n":,"p":,"t":,"x":""}')


@dataclass(frozen=True)
class Messages:
    """Makes messages, and tells them from others.

    A message is JSON: the run, a number that each publisher counts up, the publisher, when it was sent, and padding.
    Its members are in alphabetical order, so that hubs which parse and sort leave its text alone.

    Attributes:
        run: A word that tells this load from others on the same topic.
        size: Bytes of a message.
    """

    run: str
    size: int

    def __post_init__(self) -> None:
        if self.size < MIN_SIZE:
            raise ConfigurationError(f"A message of the load has at least {MIN_SIZE} bytes.")

    def encode(self, number: int, publisher: int, sent_us: int) -> bytes:
        """Return one message.

        Args:
            number: How many this publisher sent before.
            publisher: Which publisher sends it.
            sent_us: When, in microseconds of the monotonic clock.
        """
        head = b'{"bench":"%b","n":%d,"p":%d,"t":%d,"x":"' % (self.run.encode(), number, publisher, sent_us)
        return head + b"x" * (self.size - len(head) - 2) + b'"}'

    def find(self, text: bytes | bytearray) -> Iterator[re.Match[bytes]]:
        """Yield the messages of this run in a text of Server-Sent Events, also if their JSON is spaced out.

        A message counts when it is whole: when its padding is as long as it was sent, and when the blank line has come
        without which no browser would be told of it (HTML, section 9.2.6).

        Args:
            text: What a stream received, of which the end may be missing.

        Yields:
            From the run's name to the blank line, with number, publisher and time as the first groups.
        """
        filled = self.size - _AROUND - len(self.run.encode())
        for match in self._pattern.finditer(text):
            if sum(match.end(group) - match.start(group) for group in (1, 2, 3, 4)) == filled:
                yield match

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        values = rb', ?"n": ?(\d+), ?"p": ?(\d+), ?"t": ?(\d+), ?"x": ?"(x*+)"'
        # Possessive: what is not ended is not tried again with fewer lines.
        ended = rb"\}[^\r\n]*+\r?\n(?:[^\r\n]++\r?\n)*+\r?\n"
        return re.compile(rb'"bench": ?"%b"%b%b' % (re.escape(self.run.encode()), values, ended))
