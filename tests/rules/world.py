"""A small world of one log, two nodes and a few clients, with an oracle that watches every client's stream.

The nodes are the real ones; only the event loop and the connections are moved by hand. The oracle: each client saw
exactly the events it is entitled to, in order, once, or was told of a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.cursor import node as node_module
from sse_signals.cursor.start import NOTHING, After, Found, Live, Oldest, Start, ahead
from sse_signals.errors import IdempotencyConflict
from sse_signals.hub.stream import HIGH_WATER, Stream
from sse_signals.hub.sweep import Sweep
from sse_signals.identity import Identity, entitled
from sse_signals.model import INDEX_MASK, Event, EventId, HistoryLimits, IdempotencyKey, Signal
from sse_signals.topics import Filters
from sse_signals.wire import controls
from sse_signals.wire.decoder import Decoder, Message
from sse_signals.wire.formats import SSE_PLAIN
from tests.rules.loop import ManualConnection, ManualLoop

if TYPE_CHECKING:
    from collections.abc import Coroutine

TOPICS = ("a", "b", "b/c")
FILTERS = (("a",), ("b*",), ("a", "b/*"), ())
REFS = ("user:default/u", "group:default/g")
SIZES = (10, HIGH_WATER // 4, HIGH_WATER // 2)
HELD = 12  # events in a node's history
MINUTE = 60_000


class Wrong(AssertionError):
    """What the oracle says when a client saw what it should not, or did not see what it should."""


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class NodeUnderTest:
    """A node, its sweep, and how far along the log it is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.node = node_module.Node(world.loop, HistoryLimits(count=HELD, age=3600), lambda: world.clock)
        self.node.load(now(world.broker.tail(HistoryLimits())))
        self.sweep = Sweep(
            self.node.hub, self.node.history, world.loop, heartbeat=2, send_timeout=1e9, clock=lambda: world.clock
        )
        self.fed = len(world.log)
        self.floors: dict[str, int] = {}

    def feed(self, count: int, lost: int) -> None:
        """Take the next records of the log, after ``lost`` ones that the log did not hold long enough."""
        log = self.world.log
        starts = [n for n in range(self.fed, len(log)) if not log[n].position & INDEX_MASK] + [len(log)]
        first = min(lost, max(0, len(starts) - 2))
        self.fed = starts[min(first + count, len(starts) - 1)]
        self.node.take(log[starts[first] : self.fed])
        self.remember_floor()

    def remember_floor(self) -> None:
        """Keep how far the history has been trimmed, to tell a true gap from a false one."""
        history = self.node.history
        self.floors[history.epoch] = max(self.floors.get(history.epoch, 0), history.floor)


@dataclass
class Client:
    """A client: what it asks for, what it has been given, and its connection while it has one."""

    filters: Filters
    identity: Identity
    cursor: EventId | None = None
    early: bool = False  # it resumed with an id of a log that its node had not heard of yet
    decoder: Decoder = field(default_factory=Decoder)
    node: NodeUnderTest | None = None
    stream: Stream | None = None
    connection: ManualConnection | None = None


class World:
    """Everything at once. Each public method is one thing that can happen."""

    def __init__(self, clients: int = 5) -> None:
        self.clock = 1_000 * MINUTE
        self.loop = ManualLoop()
        self.log: list[Event] = []
        self.broker = self._new_broker()
        self.nodes = [NodeUnderTest(self), NodeUnderTest(self)]
        self.clients = [
            Client(Filters.parse(FILTERS[n % len(FILTERS)]), Identity(f"s{n}", frozenset(REFS[: n % 3])))
            for n in range(clients)
        ]
        self.last_id: EventId | None = None

    # What can happen.

    def publish(self, topic: int, size: int, targets: int, batch: int, key: int) -> None:
        """Publish one signal or a batch; a key that was used before publishes nothing."""
        owners = (None, frozenset(REFS[:1]), frozenset(REFS), frozenset[str]())[targets % 4]
        address = (*TOPICS, None)[topic % 4]
        signal = Signal(orjson.dumps("x" * SIZES[size % 3]), address, owners, "named" if size % 2 else None)
        signals = [signal] * (1 + batch % 3)
        wanted = IdempotencyKey("p", str(key % 7), repr((topic % 4, size % 3, targets % 4, batch % 3)).encode())
        try:
            receipt = now(self.broker.publish(signals, key=wanted if key % 2 else None))
        except IdempotencyConflict:
            return
        self.last_id = receipt.ids[-1]
        known = {event.id for event in self.log}
        self.log += [event for event in now(self.broker.tail(HistoryLimits())).events if event.id not in known]

    def lose_log(self) -> None:
        """Lose the log: positions begin anew under another epoch."""
        self.broker = self._new_broker()
        self.last_id = None

    def feed(self, node: int, count: int, lost: int = 0) -> None:
        """Let a node take some events of the log."""
        self.nodes[node % 2].feed(1 + count % 4, lost)

    def open(self, client: int, node: int, start: int, room: int) -> None:
        """Open or resume a client's stream, on any node."""
        one = self._client(client)
        if one.stream is None:
            self._open(one, self.nodes[node % 2], self._start(one, start), HIGH_WATER * (room % 3))

    def drop(self, client: int, count: int) -> None:
        """Break a client's connection after it has read ``count`` more bytes, be it in mid-event."""
        one = self._client(client)
        if one.stream is not None and one.node is not None:
            self._read(one, count)
            one.node.sweep.remove(one.stream)
            one.node.node.hub.close(one.stream)
            one.stream = one.connection = one.node = None
            one.decoder = Decoder()

    def read(self, client: int, count: int) -> None:
        """Let a client read some bytes."""
        self._read(self._client(client), count)

    def widen(self, client: int) -> None:
        """Let a stalled client's kernel take bytes again."""
        one = self._client(client)
        if one.connection is not None:
            one.connection.widen(HIGH_WATER)

    def step(self, count: int, hurry: int) -> None:
        """Run some callbacks of the loop, with slices that are used up at once or not at all."""
        self.loop.hurry = 0.003 if hurry % 2 else 0.0
        for _ in range(1 + count % 4):
            self.loop.step()
        self.check_buffers()

    def sweep(self, node: int) -> None:
        """Let a node's sweep tick: heartbeats, and trimming by age."""
        self.nodes[node % 2].sweep.tick()
        self.nodes[node % 2].remember_floor()

    def pass_time(self, minutes: int) -> None:
        """Let wall-clock time pass."""
        self.clock += (minutes % 40) * MINUTE

    def settle(self) -> None:
        """Let everything come to rest, and see that nobody misses anything."""
        for node in self.nodes:
            node.feed(len(self.log), 0)
        for one in self.clients:
            if one.connection is not None:
                one.connection.widen(1 << 40)
        while self.loop.step() or any(self._read(one, 1 << 30) for one in self.clients):
            pass
        for one in self.clients:
            if one.node is not None:
                self._check_nothing_between(one, one.node.node.head, "at rest")

    def check_buffers(self) -> None:
        """See that no connection buffers more than the high-water mark, or one write."""
        for one in self.clients:
            if one.connection is not None and len(one.connection.buffer) > max(HIGH_WATER, one.connection.largest):
                raise Wrong("a buffer grew over the high-water mark")

    # How it is done.

    def _new_broker(self) -> MemoryBroker:
        return MemoryBroker(HistoryLimits(age=1e9), clock=lambda: self.clock)

    def _client(self, number: int) -> Client:
        return self.clients[number % len(self.clients)]

    def _start(self, one: Client, start: int) -> Start:
        if one.cursor is not None:
            return After(one.cursor)
        if start % 3 == 0 and self.last_id is not None:
            return After(self.last_id)
        return Oldest() if start % 3 == 1 else Live()

    def _open(self, one: Client, node: NodeUnderTest, start: Start, room: int) -> None:
        connection = ManualConnection(room)
        stream = Stream(
            name="s",
            filters=one.filters,
            identity=one.identity,
            wire_format=SSE_PLAIN,
            transport=connection,
            notify=lambda: self._notified(node, stream, connection),
        )
        one.early = isinstance(start, After) and node.node.history.epoch != _epoch(start)
        found = Found(log_head=now(self.broker.head())) if ahead(node.node.history, start) else NOTHING
        how = node.node.open(stream, start, found)
        one.node, one.stream, one.connection = node, stream, connection
        if one.cursor is None:
            one.cursor = start.event_id if isinstance(start, After) else how.event_id
        receipt = controls.receipt(
            stream="s",
            identity=one.identity,
            filters=one.filters,
            heartbeat=2,
            recovered=how.recovered,
            event_id=how.event_id,
            retry_ms=1,
            time_ms=self.clock,
        )
        stream.write(SSE_PLAIN.control(receipt))
        node.sweep.add(stream)
        node.node.turnstile.enter(stream)

    def _notified(self, node: NodeUnderTest, stream: Stream, connection: ManualConnection) -> None:
        if stream.ended is None:
            enter = node.node.turnstile.enter
            connection.when_drained(lambda: self.loop.call_soon(lambda: enter(stream)))

    def _read(self, one: Client, count: int) -> bool:
        if one.connection is None:
            return False
        data = one.connection.read(count)
        for message in one.decoder.feed(data):
            self._watch(one, message)
        return bool(data)

    def _watch(self, one: Client, message: Message) -> None:
        """The oracle."""
        if message.event == "signals.open":
            if message.last_event_id and EventId.parse(message.last_event_id) != one.cursor:
                raise Wrong(f"the receipt names {message.last_event_id}, the client has {one.cursor}")
            return
        at = EventId.parse(message.last_event_id)
        assert at is not None
        if message.event == "signals.gap":
            self._check_gap(one, at, orjson.loads(message.data)["reason"])
        elif message.event == "signals.heartbeat":
            self._check_nothing_between(one, at, "a heartbeat")
        else:
            self._check_event(one, at)
        one.cursor = at

    def _check_event(self, one: Client, at: EventId) -> None:
        event = next(event for event in self.log if event.id == str(at))
        if not self._may_have(one, event):
            raise Wrong(f"{at} is not for this client")
        assert one.cursor is not None
        if at.epoch != one.cursor.epoch or at.position <= one.cursor.position:
            raise Wrong(f"{at} comes after {one.cursor}")
        self._check_nothing_between(one, EventId(at.epoch, at.position - 1), f"event {at}")

    def _check_nothing_between(self, one: Client, upto: EventId, what: str) -> None:
        cursor = one.cursor
        assert cursor is not None
        if upto.epoch != cursor.epoch:
            raise Wrong(f"{what} is of another epoch")
        missed = [
            event.id
            for event in self.log
            if event.epoch == cursor.epoch and cursor.position < event.position <= upto.position
            if self._may_have(one, event)
        ]
        if missed:
            raise Wrong(f"{what} comes at {cursor}, without {missed}")

    def _check_gap(self, one: Client, to: EventId, reason: str) -> None:
        cursor, node = one.cursor, one.node
        assert cursor is not None
        assert node is not None
        true = {
            "trimmed": to.epoch == cursor.epoch and cursor.position < to.position <= node.floors.get(to.epoch, 0),
            "epoch": to.epoch != cursor.epoch or one.early,
            # A node that is behind cannot tell about an id of a log that is lost before it read that far.
            "unknown-id": to.epoch != now(self.broker.head()).epoch,
        }
        if not true.get(reason, False):
            raise Wrong(f"a false gap ({reason}) from {cursor} to {to}")

    def _may_have(self, one: Client, event: Event) -> bool:
        return one.filters.match(event.address) and entitled(one.identity, event.targets)


def _epoch(start: After) -> str:
    assert start.event_id is not None
    return start.event_id.epoch
