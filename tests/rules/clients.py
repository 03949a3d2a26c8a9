"""Clients of the small world, and the oracle: what each may be given, must be given, and must not be given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import orjson

from sse_signals.identity import Identity, entitled
from sse_signals.model import ControlRecord, Event, EventId
from sse_signals.wire.decoder import Decoder, Message
from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.hub.stream import Stream
    from sse_signals.topics import Filters
    from tests.rules.loop import ManualConnection
    from tests.rules.nodes import NodeUnderTest


class Log(Protocol):
    """All that was ever published."""

    @property
    def events(self) -> Sequence[Event]:
        """Every event, of every epoch, in order."""
        ...

    @property
    def epoch(self) -> str:
        """The epoch that the log has now."""
        ...


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

    log: Log
    eras: list[Era]
    cursor: EventId | None = None
    early: bool = False  # it resumed with an id of a log that its node had not heard of yet
    decoder: Decoder = field(default_factory=Decoder)
    node: NodeUnderTest | None = None
    stream: Stream | None = None
    connection: ManualConnection | None = None
    size: int = 0  # bytes it has read from this connection

    @property
    def who(self) -> Era:
        """Who it is now."""
        return self.eras[-1]

    def opened(self, node: NodeUnderTest, stream: Stream, connection: ManualConnection) -> None:
        """Begin a connection, as who it is now."""
        self.node, self.stream, self.connection = node, stream, connection
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

    def check_at_rest(self) -> None:
        """See that nothing is missing when nothing moves any more."""
        if self.node is not None:
            self._check_nothing_between(self.node.node.head, "at rest", len(self.eras) - 1)

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
            self._check_gap(at, orjson.loads(message.data)["reason"])
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
        if at.epoch != self.cursor.epoch or at.position <= self.cursor.position:
            raise Wrong(f"{at} comes after {self.cursor}")
        self._check_nothing_between(EventId(at.epoch, at.position - 1), f"event {at}", era)

    def _check_nothing_between(self, upto: EventId, what: str, era: int) -> None:
        cursor = self.cursor
        assert cursor is not None
        if upto.epoch != cursor.epoch:
            raise Wrong(f"{what} is of another epoch")
        missed = [
            event.id
            for number, event in enumerate(self.log.events)
            if event.epoch == cursor.epoch and cursor.position < event.position <= upto.position
            if self._must_have(number, event, era)
        ]
        if missed:
            raise Wrong(f"{what} comes at {cursor}, without {missed}")

    def _must_have(self, number: int, event: Event, era: int) -> bool:
        """Say whether whoever it was, from when its node took the event to when it was passed over, may have it.

        What was taken before a change and not yet written may be judged by who it was, or by who it became.
        """
        first = sum(each.taken <= number for each in self.eras[1:])
        return all(each.may_have(event) for each in self.eras[min(first, era) : era + 1])

    def _check_gap(self, to: EventId, reason: str) -> None:
        cursor, node = self.cursor, self.node
        assert cursor is not None
        assert node is not None
        true = {
            "trimmed": to.epoch == cursor.epoch and cursor.position < to.position <= node.floors.get(to.epoch, 0),
            "epoch": to.epoch != cursor.epoch or self.early,
            # A node that is behind cannot tell about an id of a log that is lost before it read that far.
            "unknown-id": to.epoch != self.log.epoch,
        }
        if not true.get(reason, False):
            raise Wrong(f"a false gap ({reason}) from {cursor} to {to}")
