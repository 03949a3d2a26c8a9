"""A real node in the small world, its sweep, and how far along the log it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sse_signals.cursor import node as node_module
from sse_signals.hub.sweep import Sweep
from sse_signals.lineage import Lineage
from sse_signals.model import INDEX_BITS, EventId, Fork, HistoryLimits
from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.model import Tail
    from tests.rules.logs import Memory
    from tests.rules.loop import ManualLoop

HELD = 12  # events in a node's history
LATE, EARLY, LATEST = range(3)  # when a node hears that records were lost


class Surroundings(Protocol):
    """What a node needs of the world."""

    loop: ManualLoop
    memory: Memory

    def clock(self) -> int:
        """Return milliseconds."""
        ...


class NodeUnderTest:
    """A node.

    Attributes:
        fed: How many events of the log it has taken or passed over.
        heard: Of how many regresses it has heard.
        floors: How far its history has been trimmed, by epoch.
    """

    def __init__(self, world: Surroundings, tail: Callable[[], Tail]) -> None:
        self.memory = world.memory
        self.node = node_module.Node(world.loop, HistoryLimits(count=HELD, age=3600), world.clock)
        self.node.load(tail())
        self.sweep = Sweep(
            self.node.hub, self.node.history, world.loop, heartbeat=2, send_timeout=1e9, clock=world.clock
        )
        self.fed = len(self.memory.events)
        self.heard = len(self.memory.regresses)
        self.at = self.node.head
        self.floors: dict[str, int] = {}

    def feed(self, count: int, lost: int, when: int = LATE) -> None:
        """Take the next records of the log, after ``lost`` ones that the log did not hold long enough.

        Args:
            count: How many.
            lost: How many are gone before.
            when: Hears of lost records `LATE`, after those that were on their way already, or `EARLY`, before anything
                else, as a node does that comes back; and then maybe only of the `LATEST` of several times.
        """
        self._hear_in_time(when)
        records = self._records()
        skipped = min(lost, max(0, records - 2))
        for number in range(min(skipped + count, records)):
            self._hear_if_due()
            self._take(passed_over=number < skipped, when=when)
        self._hear_if_due()
        self.remember_floor()

    def knows(self, epoch: str) -> bool:
        """Say whether it can know what an epoch means: it is of its log, and no later than its own."""
        epochs, own = self.memory.epochs, self.node.head.epoch
        return self.memory.related(epoch, own) and epochs.index(epoch) <= epochs.index(own)

    def remember_floor(self) -> None:
        """Keep how far the history has been trimmed, to tell a true gap from a false one."""
        history = self.node.history
        self.floors[history.epoch] = max(self.floors.get(history.epoch, 0), history.floor)

    def _pass_over(self) -> None:
        """Pass over what it has heard that it is lost."""
        memory = self.memory
        while self.fed < len(memory.events) and memory.lost.get(self.fed, self.heard) < self.heard:
            self.fed += 1

    def _records(self) -> int:
        """Return how many records there are to take."""
        memory = self.memory
        return sum(
            memory.is_start(n) and memory.lost.get(n, self.heard) >= self.heard
            for n in range(self.fed, len(memory.events))
        )

    def _take(self, *, passed_over: bool, when: int) -> None:
        if self.fed == len(self.memory.events):
            return
        events = self.memory.record(self.fed)
        self.fed += len(events)
        if passed_over:
            return
        at = EventId(events[0].epoch, events[0].position - 1)
        unrelated = not self.memory.related(at.epoch, self.at.epoch)
        if unrelated and when == LATEST:
            self._expect(1, lambda: self.node.fork(Fork.to(Lineage(at.epoch), at.position)))
            self.at, unrelated = at, False
        hole = unrelated or self.at.position >> INDEX_BITS != at.position >> INDEX_BITS
        self._expect(hole, lambda: self.node.take(events))
        self.at = EventId(self.node.head.epoch, events[-1].position)

    def _hear_in_time(self, when: int) -> None:
        pending = self.memory.regresses[self.heard :]
        log = [one for one in pending if self.memory.related(one.lineage.epoch, self.at.epoch)]
        if log and when == LATEST:
            self._hear(self.heard + len(log))
        elif log and when == EARLY:
            self._hear(self.heard + 1)

    def _hear_if_due(self) -> None:
        regresses = self.memory.regresses
        self._pass_over()
        while self.heard < len(regresses) and regresses[self.heard].number <= self.fed:
            self._hear(self.heard + 1)
            self._pass_over()

    def _hear(self, heard: int) -> None:
        lineage = self.memory.regresses[heard - 1].lineage
        self.heard = heard
        if self.memory.related(lineage.epoch, self.at.epoch):
            last = self.memory.last_shared(lineage.epoch, self.at.epoch)
            place = min(self.at.position, last)
            self._expect(self.at.position > last, lambda: self.node.fork(Fork.to(lineage, place)))
            self.at = EventId(lineage.epoch, place)
        else:  # a log that this node never saw anything of before it lost records
            self._expect(1, lambda: self.node.fork(Fork.to(lineage, 0)))
            self.at = EventId(lineage.epoch, 0)

    def _expect(self, holes: int, step: Callable[[], None]) -> None:
        wanted = self.node.holes + holes
        step()
        if self.node.holes != wanted:
            raise Wrong(f"{self.node.holes} holes in the log instead of {wanted}")
