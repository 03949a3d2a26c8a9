"""Clients of the small world, and the oracle: what each may be given, must be given, and must not be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from sse_signals.identity import Identity, entitled
from sse_signals.model import ControlRecord, Event, EventId
from sse_signals.wire.decoder import Decoder, Message
from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sse_signals.hub.stream import Stream
    from sse_signals.topics import Filters
    from tests.rules.logs import Memory
    from tests.rules.loop import ManualConnection
    from tests.rules.nodes import NodeUnderTest

NOWHERE = EventId("", 0)


@dataclass(frozen=True)
class Era:
    """A time in which a stream's identity and filters stay the same.

    Attributes:
        filters: What it may have of what it asks for.
        identity: Who is listening.
        written: How many bytes had been written to its connection before.
        taken: How many events of the log its node had taken, or passed over, before.
    """

    filters: Filters
    identity: Identity
    written: int = 0
    taken: int = 0

    def may_have(self, event: Event) -> bool:
        """The rule."""
        if type(event) is ControlRecord:
            return False
        return self.filters.match(event.address) and entitled(self.identity, event.targets)


@dataclass
class Client:
    """A client: who it is, what it has been given, and its connection while it has one.

    Attributes:
        eras: Who it was on this connection, one after another; the last is who it is.
    """

    log: Memory
    eras: list[Era]
    cursor: EventId | None = None
    early: bool = False  # it resumed with an id of an epoch that its node had not heard of yet
    decoder: Decoder = field(default_factory=Decoder)
    node: NodeUnderTest | None = None
    stream: Stream | None = None
    connection: ManualConnection | None = None
    size: int = 0  # bytes it has read from this connection
    asked: EventId = NOWHERE  # its node's head when the connection was opened
    doubtful: bool = False  # then, its node was behind a log that had another epoch already

    @property
    def who(self) -> Era:
        """Who it is now."""
        return self.eras[-1]

    def opened(self, node: NodeUnderTest, stream: Stream, connection: ManualConnection) -> None:
        """Begin a connection, as who it is now."""
        self.node, self.stream, self.connection = node, stream, connection
        self.asked = node.node.head
        self.doubtful = self.asked.epoch != self.log.epochs[-1]
        self.eras = [Era(self.who.filters, self.who.identity)]

    def dropped(self) -> None:
        """End it, be it in mid-event."""
        self.node = self.stream = self.connection = None
        self.decoder, self.size = Decoder(), 0

    def changed(self, identity: Identity, filters: Filters) -> None:
        """Be somebody else from here on: for what is written from now on, and for what is taken from now on."""
        if self.node is None or self.connection is None:
            self.eras = [Era(filters, identity)]
        else:
            self.eras.append(Era(filters, identity, self.connection.written, self.node.fed))

    def read(self, count: int) -> bool:
        """Read some bytes, and have the oracle look at them; False when there were none."""
        if self.connection is None:
            return False
        data = self.connection.read(count)
        for era, piece in self._pieces(data):
            for message in self.decoder.feed(piece):
                self._watch(message, era)
        return bool(data)

    @property
    def complete(self) -> bool:
        """Whether it has read all that it asked for, and that was not everything for ever."""
        stream, connection = self.stream, self.connection
        done = stream is not None and stream.ended == "complete"
        return done and connection is not None and not connection.sent and not connection.buffer

    def check_at_rest(self) -> None:
        """See that nothing is missing when nothing moves any more, or when it has got what it asked for."""
        if self.node is None or self.stream is None:
            return
        if self.stream.until is None:
            self._check_nothing_between(self.node.node.head, "at rest", len(self.eras) - 1)
        elif self.stream.ended is None:
            raise Wrong("a poll does not end")
        else:
            self._check_complete()

    def _check_complete(self) -> None:
        """See that a poll went on to where the head was when it was opened, unless that is lost."""
        assert self.cursor is not None
        if self.log.same(self.cursor, self.asked) and self.cursor.position < self.asked.position:
            raise Wrong(f"a poll is complete at {self.cursor}, not at {self.asked}")

    def _pieces(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield bytes with the number of the era in which they were written; no write is in two eras."""
        while data:
            era = sum(each.written <= self.size for each in self.eras[1:])
            end = self.eras[era + 1].written - self.size if era + 1 < len(self.eras) else len(data)
            piece, data = data[:end], data[end:]
            self.size += len(piece)
            yield era, piece

    def _watch(self, message: Message, era: int) -> None:
        """The oracle."""
        if message.event == "signals.open":
            if message.last_event_id and EventId.parse(message.last_event_id) != self.cursor:
                raise Wrong(f"the receipt names {message.last_event_id}, the client has {self.cursor}")
            return
        at = EventId.parse(message.last_event_id)
        assert at is not None
        if message.event == "signals.gap":
            said = orjson.loads(message.data)
            self._check_gap(at, said["reason"], said["from"])
        elif message.event == "signals.heartbeat":
            self._check_nothing_between(at, "a heartbeat", era)
        else:
            self._check_event(at, era)
        self.cursor = at

    def _check_event(self, at: EventId, era: int) -> None:
        event = next(event for event in self.log.events if event.id == str(at))
        if not self.eras[era].may_have(event):
            raise Wrong(f"{at} is not for this client, as who it was when that was written")
        assert self.cursor is not None
        if not self.log.same(at, self.cursor) or at.position <= self.cursor.position:
            raise Wrong(f"{at} comes after {self.cursor}")
        before = EventId(at.epoch, at.position - 1)
        self._check_nothing_between(before, f"event {at}", era)

    def _check_nothing_between(self, upto: EventId, what: str, era: int) -> None:
        cursor = self.cursor
        assert cursor is not None
        if not self.log.same(upto, cursor):
            raise Wrong(f"{what} is of another epoch")
        between = self.log.between(cursor, upto)
        missed = [event.id for number, event in between if self._must_have(number, event, era)]
        if missed:
            raise Wrong(f"{what} comes at {cursor}, without {missed}")

    def _must_have(self, number: int, event: Event, era: int) -> bool:
        """Say whether whoever it was, from when its node took the event to when it was passed over, may have it.

        What was taken before a change and not yet written may be judged by who it was, or by who it became.
        """
        first = sum(each.taken <= number for each in self.eras[1:])
        return all(each.may_have(event) for each in self.eras[min(first, era) : era + 1])

    def _check_gap(self, to: EventId, reason: str, said: str | None) -> None:
        cursor, node, log = self.cursor, self.node, self.log
        assert cursor is not None
        assert node is not None
        # Its node may have passed over more than the client was told of: that counts, and is what the gap says.
        start = max(
            cursor, (said and EventId.parse(said)) or cursor, key=lambda at: (log.epochs.index(at.epoch), at.position)
        )
        trimmed = node.floors.get(to.epoch, 0)
        too_old = log.same(to, cursor) and cursor.position < to.position <= trimmed
        true = {
            "trimmed": too_old,
            # Who was about to be told that it is too old, when records were lost, is told of that instead.
            "epoch": self.early or too_old or not log.same(to, start),
            # A node that is behind cannot tell about an id of a log that is lost before it read that far.
            "unknown-id": self.doubtful,
        }
        if not true.get(reason, False):
            raise Wrong(f"a false gap ({reason}) from {cursor} to {to}")
        if reason == "epoch" and not self.early and log.related(to.epoch, start.epoch):
            self._check_fork(to, log.last_shared(to.epoch, start.epoch), trimmed)

    def _check_fork(self, to: EventId, last: int, trimmed: int) -> None:
        """See that it goes on where the log lost its records: nothing is given again, and nothing passed over."""
        fork = EventId(to.epoch, last)
        if list(self.log.between(to, fork)):
            raise Wrong(f"after {self.cursor} it goes on at {to}, before {fork}")
        if to.position > trimmed and list(self.log.between(fork, to)):
            raise Wrong(f"after {self.cursor} it goes on at {to}, beyond {fork}")
