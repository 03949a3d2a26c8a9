"""What streams of a load received."""

from __future__ import annotations

from dataclasses import dataclass, field

from sse_signals.bench.latencies import Latencies


@dataclass(slots=True)
class Tally:
    """What streams received.

    Attributes:
        streams: How many there are.
        ended: Streams that the other side ended.
        received: Messages received, on all streams together.
        lost: Messages that streams did not get.
        surplus: Messages that streams got although they should not have.
        late: Messages that streams got a second time, or after a later one.
        disordered: Messages that all streams got after a later one of the same publisher.
        size: Bytes received, with everything around the messages.
        last_us: When the last message came, in microseconds of the monotonic clock.
        timed: Streams whose latencies were counted.
        latencies: From publish to receive.
    """

    streams: int = 0
    ended: int = 0
    received: int = 0
    lost: int = 0
    surplus: int = 0
    late: int = 0
    disordered: int = 0
    size: int = 0
    last_us: int = 0
    timed: int = 0
    latencies: Latencies = field(default_factory=Latencies)

    @property
    def exact(self) -> bool:
        """Whether every stream received every message it should have, once and in order, and no other."""
        return not (self.ended or self.lost or self.surplus or self.late or self.disordered)

    def merge(self, other: Tally) -> None:
        """Add what other streams received."""
        self.streams += other.streams
        self.ended += other.ended
        self.received += other.received
        self.lost += other.lost
        self.surplus += other.surplus
        self.late += other.late
        self.disordered = max(self.disordered, other.disordered)  # each saw the same messages
        self.size += other.size
        self.timed += other.timed
        self.last_us = max(self.last_us, other.last_us)
        self.latencies.merge([other.latencies])
