"""An event loop that a test turns by hand, and a connection whose reader it plays."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from sse_signals.cursor.node import Node
from sse_signals.hub.stream import Stream
from sse_signals.identity import ANONYMOUS, Identity
from sse_signals.model import Event, EventId, HistoryLimits, Signal, Tail, position
from sse_signals.topics import Filters
from sse_signals.wire.decoder import Decoder, Message
from sse_signals.wire.formats import SSE_PLAIN, Format
from sse_signals.wire.frames import event as encoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sse_signals.cursor.start import Found, Opening, Start

EPOCH = "abcdefgh"
NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z in milliseconds


class Scheduler:
    """An event loop: nothing happens unless `step` or `run` is called, and time passes as the test wants it to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.cost = 0.0  # seconds that pass whenever somebody asks for the time
        self.delays: list[float] = []  # how far ahead each timer was set
        self._soon: list[Callable[[], object]] = []
        self._later: list[tuple[float, int, Callable[[], object]]] = []
        self._number = itertools.count()

    def time(self) -> float:
        self.now += self.cost
        return self.now

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self._soon.append(callback)

    def call_at(self, when: float, callback: Callable[[], object], /) -> None:
        self.delays.append(when - self.now)
        self._later.append((when, next(self._number), callback))

    @property
    def idle(self) -> bool:
        return not self._soon and not self._later

    def step(self) -> None:
        """Make one turn: what is due now, but nothing that is scheduled meanwhile."""
        due = sorted(timer for timer in self._later if timer[0] <= self.now)
        self._later = [timer for timer in self._later if timer not in due]
        soon, self._soon = self._soon, []
        for callback in [*soon, *(timer[2] for timer in due)]:
            callback()

    def run(self) -> None:
        """Turn until nothing is left to do; time jumps to the next timer when only timers are left."""
        for _ in range(100_000):
            if self.idle:
                return
            if not self._soon:
                self.now = max(self.now, min(when for when, _, _ in self._later))
            self.step()
        raise AssertionError("it never comes to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass, with every timer that is due in it."""
        end = self.now + seconds
        while self._soon or any(when <= end for when, _, _ in self._later):
            if not self._soon:
                self.now = max(self.now, min(when for when, _, _ in self._later))
            self.step()
        self.now = max(self.now, end)


class Transport:
    """A connection that takes ``capacity`` bytes and buffers the rest; None takes everything."""

    def __init__(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        self.taken = b""
        self.buffer = b""
        self.writes: list[bytes] = []
        self.closing = False
        self.aborted = False
        self.broken: Exception | None = None

    def write(self, data: bytes, /) -> None:
        if self.broken is not None:
            raise self.broken
        self.writes.append(data)
        self.buffer += data
        self._flow()

    def take(self, capacity: int | None = None) -> None:
        """Let the reader take so many more bytes, or from now on everything."""
        self.capacity = capacity
        self._flow()

    def get_write_buffer_size(self) -> int:
        return len(self.buffer)

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, _name: str, /) -> None:
        return None

    def abort(self) -> None:
        self.aborted = self.closing = True
        self.buffer = b""

    def _flow(self) -> None:
        size = len(self.buffer) if self.capacity is None else min(self.capacity, len(self.buffer))
        self.taken, self.buffer = self.taken + self.buffer[:size], self.buffer[size:]
        if self.capacity is not None:
            self.capacity -= size


class Client:
    """A stream with its connection, and what its client has understood."""

    def __init__(self, network: Network, filters: Iterable[str], identity: Identity, wire_format: Format) -> None:
        self.transport = Transport()
        self.network = network
        self.notified = 0
        self.stream = Stream(
            name="s",
            filters=Filters.parse(filters),
            identity=identity,
            wire_format=wire_format,
            transport=self.transport,
            notify=self._notify,
        )

    def _notify(self) -> None:
        """Come to the turnstile in a later turn if the connection takes bytes, as a server's handler does."""
        self.notified += 1
        self.network.scheduler.call_soon(self._come_back)

    def _come_back(self) -> None:
        if not self.transport.get_write_buffer_size():
            self.network.node.turnstile.enter(self.stream)

    def open(self, start: Start, found: Found | None = None, *, poll: bool = False) -> Opening:
        """Open the stream and bring it to the turnstile."""
        node = self.network.node
        how = node.open(self.stream, start, poll=poll) if found is None else node.open(self.stream, start, found)
        if poll and found is not None:
            raise AssertionError("a poll needs nothing looked up here")
        node.turnstile.enter(self.stream)
        return how

    def take(self, capacity: int | None = None) -> None:
        """Read so many bytes; a stream that waits comes to the turnstile once nothing is buffered, as a server does."""
        self.transport.take(capacity)
        self._come_back()

    @property
    def received(self) -> list[Message]:
        """What the client has got, whole events only."""
        return list(Decoder().feed(self.transport.taken))

    @property
    def ids(self) -> list[str]:
        """The ids of the events it has got, the hub's own left out."""
        return [message.last_event_id for message in self.received if not message.event.startswith("signals.")]

    @property
    def controls(self) -> list[str]:
        """The names of the hub's own events that it has got."""
        return [message.event for message in self.received if message.event.startswith("signals.")]


class Network:
    """A node under the fake loop, and a log for it to follow."""

    def __init__(self, limits: HistoryLimits | None = None, *, floor: int = 0) -> None:
        self.scheduler = Scheduler()
        self.now_ms = NOON
        self.node = Node(self.scheduler, limits or HistoryLimits(), lambda: self.now_ms)
        self.node.load(Tail(EventId(EPOCH, position(floor))))
        self.record = floor

    def client(
        self,
        *filters: str,
        owns: Iterable[str] = (),
        wire_format: Format = SSE_PLAIN,
    ) -> Client:
        identity = Identity("user:default/one", frozenset(owns)) if owns else ANONYMOUS
        return Client(self, filters, identity, wire_format)

    def make(self, address: str | None = "a", targets: Iterable[str] | None = None, data: bytes = b"1") -> Event:
        """Return the next event of the log, without anybody having seen it."""
        self.record += 1
        owners = None if targets is None else frozenset(targets)
        return encoded(EventId(EPOCH, position(self.record)), self.now_ms, Signal(data, address, owners))

    def publish(self, address: str | None = "a", targets: Iterable[str] | None = None, data: bytes = b"1") -> str:
        """Publish one event, as a node takes it from the log; return its id."""
        event = self.make(address, targets, data)
        self.node.take([event])
        return event.id

    def run(self) -> None:
        self.scheduler.run()
