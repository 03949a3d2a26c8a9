"""A small world of one log, two nodes and a few clients, with an oracle that watches every client's stream.

The nodes are the real ones; only the event loop and the connections are moved by hand. The oracle: each client saw
exactly the events it is entitled to, in order, once, or was told of a gap. Who changes in mid-stream is judged as who
it was when something was written to it, and misses nothing that it may have before and after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from sse_signals.cursor.start import NOTHING, After, Found, Live, Oldest, Start, ahead
from sse_signals.errors import IdempotencyConflict
from sse_signals.hub.stream import HIGH_WATER, Stream
from sse_signals.identity import Identity
from sse_signals.model import EventId, HistoryLimits, IdempotencyKey, Signal
from sse_signals.topics import Filters
from sse_signals.wire import controls
from sse_signals.wire.formats import SSE_PLAIN
from tests.rules.clients import Client, Era
from tests.rules.logs import ForgetfulLog, Memory
from tests.rules.loop import ManualConnection, ManualLoop
from tests.rules.nodes import NodeUnderTest
from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Coroutine

TOPICS = ("a", "b", "b/c")
FILTERS = tuple(map(Filters.parse, (("a",), ("b*",), ("a", "b/*"), ())))
# What some get of everything: rights leave an address, or a prefix, out of what is asked for.
PARTIAL = (
    Filters(frozenset(), frozenset({""}), not_exact=frozenset({"a"})),
    Filters(frozenset({"b/c"}), frozenset({""}), not_prefixes=frozenset({"b"})),
)
RIGHTS = (*FILTERS, *PARTIAL)
REFS = ("user:default/u", "group:default/g")
SIZES = (10, HIGH_WATER // 4, HIGH_WATER // 2)
MINUTE = 60_000
A_LITTLE = 1e-5  # seconds: many looks at the clock make no slice, but who looks for ever is interrupted
MANY = 2_000  # steps of the loop in which everything comes to rest


def now(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Return the result of a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


class World:
    """Everything at once. Each public method is one thing that can happen."""

    def __init__(self, clients: int = 5) -> None:
        self.time_ms = 1_000 * MINUTE
        self.loop = ManualLoop()
        self.memory = Memory()
        self.broker = self._new_broker()
        self.nodes = [NodeUnderTest(self, lambda: now(self.broker.tail(HistoryLimits()))) for _ in range(2)]
        self.clients = [
            Client(self.memory, [Era(FILTERS[n % len(FILTERS)], Identity(f"s{n}", frozenset(REFS[: n % 3])))])
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
        self._published(receipt.ids[-1])

    def control(self) -> None:
        """Append a record that tells the nodes something, takes a position, and reaches nobody."""
        self._published(now(self.broker.control(b"{}")))

    def lose_log(self) -> None:
        """Lose the log: positions begin anew under another epoch."""
        self.broker = self._new_broker()
        self.last_id = None

    def regress(self, records: int) -> None:
        """Lose the newest records of the log: it goes on with another epoch, and their positions are used again."""
        if now(self.broker.head()).position:
            self.memory.regress(*self.broker.regress(1 + records % 5))

    def feed(self, node: int, count: int, lost: int = 0, when: int = 0) -> None:
        """Let a node take some events of the log."""
        self.nodes[node % 2].feed(1 + count % 4, lost, when % 3)

    def open(self, client: int, node: int, start: int, room: int) -> None:
        """Open or resume a client's stream, on any node; some only ask for what there is by now."""
        one = self._client(client)
        if one.stream is None:
            poll = room % 4 == 3
            self._open(one, self.nodes[node % 2], self._start(one, start), HIGH_WATER * (room % 3), poll=poll)

    def change(self, client: int, rights: int, owns: int) -> None:
        """Change who a client is and what it may have: live, behind, in the middle of a flush, or away."""
        one = self._client(client)
        filters = RIGHTS[rights % len(RIGHTS)]
        identity = Identity(one.who.identity.subject, frozenset((REFS, REFS[:1], REFS[1:], ())[owns % 4]))
        if one.stream is not None and one.node is not None:
            one.node.node.hub.change(one.stream, identity, filters)
        one.changed(identity, filters)

    def drop(self, client: int, count: int) -> None:
        """Break a client's connection after it has read ``count`` more bytes, be it in mid-event."""
        one = self._client(client)
        one.read(count)
        self._hang_up(one)

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
        self.loop.hurry = 0.003 if hurry % 2 else A_LITTLE
        for _ in range(1 + count % 4):
            self.loop.step()
        self.check_buffers()

    def sweep(self, node: int) -> None:
        """Let a node's sweep tick: heartbeats, and trimming by age."""
        self.nodes[node % 2].sweep.tick()
        self.nodes[node % 2].remember_floor()

    def pass_time(self, minutes: int) -> None:
        """Let wall-clock time pass."""
        self.time_ms += (minutes % 40) * MINUTE

    def settle(self) -> None:
        """Let everything come to rest, and see that nobody misses anything."""
        for node in self.nodes:
            node.feed(len(self.memory.events), 0)
        for one in self.clients:
            if one.connection is not None:
                one.connection.widen(1 << 40)
        steps = 0
        while self.loop.step() or any(self._read(one, 1 << 30) for one in self.clients):
            steps += 1
            if steps > MANY:
                raise Wrong("it never comes to rest")
        for one in self.clients:
            one.check_at_rest()

    def check_buffers(self) -> None:
        """See that no connection buffers more than the high-water mark, or one write."""
        for one in self.clients:
            if one.connection is not None and len(one.connection.buffer) > max(HIGH_WATER, one.connection.largest):
                raise Wrong("a buffer grew over the high-water mark")

    # How it is done.

    def clock(self) -> int:
        """Return milliseconds of wall-clock time."""
        return self.time_ms

    def _new_broker(self) -> ForgetfulLog:
        broker = ForgetfulLog(HistoryLimits(age=1e9), clock=self.clock)
        self.memory.begin(now(broker.head()).epoch)
        return broker

    def _published(self, last_id: EventId) -> None:
        self.last_id = last_id
        events = self.memory.events
        known = {event.id for event in events}
        events += [event for event in now(self.broker.tail(HistoryLimits())).events if event.id not in known]

    def _client(self, number: int) -> Client:
        return self.clients[number % len(self.clients)]

    def _start(self, one: Client, start: int) -> Start:
        if self.last_id is not None and start % 4 in ((3,) if one.cursor else (0, 3)):  # it has just published that
            return After(self.last_id)
        if one.cursor is not None:
            return After(one.cursor)
        return Oldest() if start % 4 == 1 else Live()

    def _read(self, one: Client, count: int) -> bool:
        """Let a client read some bytes, be it the end of what it asked for; False when there were none."""
        read = one.read(count)
        if one.complete:
            one.check_at_rest()
            self._hang_up(one)
        return read

    def _hang_up(self, one: Client) -> None:
        if one.stream is not None and one.node is not None:
            one.node.sweep.remove(one.stream)
            one.node.node.hub.close(one.stream)
            one.dropped()

    def _open(self, one: Client, node: NodeUnderTest, start: Start, room: int, *, poll: bool) -> None:
        connection = ManualConnection(room)
        who = one.who
        stream = Stream(
            name="s",
            filters=who.filters,
            identity=who.identity,
            wire_format=SSE_PLAIN,
            transport=connection,
            notify=lambda: self._notified(node, stream, connection),
        )
        one.early = isinstance(start, After) and not node.knows(_epoch(start))
        found = Found(log_head=now(self.broker.head())) if ahead(node.node.history, start) else NOTHING
        how = node.node.open(stream, start, found, poll=poll)
        one.opened(node, stream, connection)
        if isinstance(start, After):
            one.cursor = start.event_id
        elif one.cursor is None:
            one.cursor = how.event_id
        receipt = controls.receipt(
            stream="s",
            identity=who.identity,
            filters=who.filters,
            heartbeat=2,
            recovered=how.recovered,
            event_id=how.event_id,
            retry_ms=1,
            time_ms=self.time_ms,
        )
        stream.write(SSE_PLAIN.control(receipt))
        node.sweep.add(stream)
        node.node.turnstile.enter(stream)

    def _notified(self, node: NodeUnderTest, stream: Stream, connection: ManualConnection) -> None:
        if stream.ended is None:
            enter = node.node.turnstile.enter
            connection.when_drained(lambda: self.loop.call_soon(lambda: enter(stream)))


def _epoch(start: After) -> str:
    assert start.event_id is not None
    return start.event_id.epoch
