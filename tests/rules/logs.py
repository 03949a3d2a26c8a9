"""The log of the small world, which may lose its newest records, and what the world remembers of all its logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sse_signals.brokers.epochs import new_epoch
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.model import INDEX_BITS, INDEX_MASK, EventId, position

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sse_signals.lineage import Lineage
    from sse_signals.model import Event


class ForgetfulLog(MemoryBroker):
    """A log that can lose its newest records, as a server does that fails over to one that was behind."""

    def regress(self, records: int) -> tuple[Lineage, int]:
        """Lose so many records, and what was known of their keys; return the new lineage and the last place kept."""
        history = self._log._history
        last = position(max(0, (history.head >> INDEX_BITS) - records)) | INDEX_MASK
        history.fork(history.lineage.fork(new_epoch(), last), last)
        self._epoch = history.epoch
        self._keys = {key: what for key, what in self._keys.items() if position(what.record) <= last}
        self._log.replace(history)  # who follows hears of it
        return history.lineage, last


@dataclass(frozen=True)
class Regress:
    """A time when the log lost its newest records.

    Attributes:
        number: How many events had been published ever before.
        lineage: What the log was from then on.
    """

    number: int
    lineage: Lineage


@dataclass
class Memory:
    """All that was ever published, and what meant what when: nothing here asks the code that is tested.

    Attributes:
        events: Every event of every epoch, in the order in which they were published.
        regresses: When records were lost, of all logs.
        lost: By the number of an event, the number of the regress that lost it.
        epochs: Every epoch, in order.
    """

    events: list[Event] = field(default_factory=list)
    regresses: list[Regress] = field(default_factory=list)
    lost: dict[int, int] = field(default_factory=dict)
    epochs: list[str] = field(default_factory=list)
    _shared: dict[str, dict[str, int]] = field(default_factory=dict)

    def begin(self, epoch: str) -> None:
        """Remember a log that has nothing to do with the one before."""
        self.epochs.append(epoch)
        self._shared[epoch] = {}

    def regress(self, lineage: Lineage, last: int) -> None:
        """Remember that what came after ``last`` is lost."""
        old = self.epochs[-1]
        log = {old, *self._shared[old]}
        for number, event in enumerate(self.events):
            if event.epoch in log and event.position > last and number not in self.lost:
                self.lost[number] = len(self.regresses)
        self.regresses.append(Regress(len(self.events), lineage))
        self.epochs.append(lineage.epoch)
        self._shared[lineage.epoch] = {old: last} | {epoch: min(at, last) for epoch, at in self._shared[old].items()}

    def related(self, one: str, other: str) -> bool:
        """Say whether two epochs are of the same log."""
        return one == other or one in self._shared[other] or other in self._shared[one]

    def last_shared(self, one: str, other: str) -> int:
        """Return the last place that means the same in two epochs of a log."""
        return max(self._shared[one].get(other, 0), self._shared[other].get(one, 0))

    def same(self, one: EventId, other: EventId) -> bool:
        """Say whether two ids are places in one log: neither is of records that it had lost in the other's time."""
        if one.epoch == other.epoch:
            return True
        earlier, later = sorted((one, other), key=lambda event_id: self.epochs.index(event_id.epoch))
        return earlier.position <= self._shared[later.epoch].get(earlier.epoch, -1)

    def between(self, one: EventId, other: EventId) -> Iterator[tuple[int, Event]]:
        """Return the events after one id up to another, with their numbers, of the log as it was for the newer id."""
        newer = max(one.epoch, other.epoch, key=self.epochs.index)
        yield from self._between(newer, one.position, other.position)

    def _between(self, epoch: str, low: int, high: int) -> Iterator[tuple[int, Event]]:
        shared = self._shared[epoch]
        for number, event in enumerate(self.events):
            there = event.epoch == epoch or event.position <= shared.get(event.epoch, -1)
            if there and low < event.position <= high:
                yield number, event

    def is_start(self, number: int) -> bool:
        """Say whether an event is the first of its record."""
        return not self.events[number].position & INDEX_MASK

    def record(self, number: int) -> Sequence[Event]:
        """Return the events of the record that begins with an event."""
        end = number + 1
        while end < len(self.events) and not self.is_start(end):
            end += 1
        return self.events[number:end]
