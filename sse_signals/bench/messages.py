"""The messages that a load consists of: numbered, time-stamped, and as long as asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sse_signals.errors import ConfigurationError

MIN_SIZE = 96  # bytes: what number, publisher, time and run need at their longest


@dataclass(frozen=True, slots=True)
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

    @property
    def pattern(self) -> re.Pattern[bytes]:
        """What finds whole messages of this run, with number, publisher and time as groups; also if spaced out."""
        numbers = rb', ?"n": ?(\d+), ?"p": ?(\d+), ?"t": ?(\d+), ?"x": ?"x*"'
        return re.compile(rb'"bench": ?"%b"%b' % (re.escape(self.run.encode()), numbers))
