"""A real node in the small world, its sweep, and how far along the log it is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from sse_signals.cursor import node as node_module
from sse_signals.hub.sweep import Sweep
from sse_signals.model import INDEX_MASK, Event, HistoryLimits
from tests.rules.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from sse_signals.model import Tail
    from tests.rules.loop import ManualLoop

HELD = 12  # events in a node's history


class Surroundings(Protocol):
    """What a node needs of the world."""

    loop: ManualLoop
    events: list[Event]

    def clock(self) -> int:
        """Return milliseconds."""
        ...


class NodeUnderTest:
    """A node.

    Attributes:
        fed: How many events of the log it has taken or passed over.
        floors: How far its history has been trimmed, by epoch.
    """

    def __init__(self, world: Surroundings, tail: Callable[[], Tail]) -> None:
        self.world = world
        self.node = node_module.Node(world.loop, HistoryLimits(count=HELD, age=3600), world.clock)
        self.node.load(tail())
        self.sweep = Sweep(
            self.node.hub, self.node.history, world.loop, heartbeat=2, send_timeout=1e9, clock=world.clock
        )
        self.fed = len(world.events)
        self.floors: dict[str, int] = {}

    def feed(self, count: int, lost: int) -> None:
        """Take the next records of the log, after ``lost`` ones that the log did not hold long enough."""
        log = self.world.events
        starts = [n for n in range(self.fed, len(log)) if not log[n].position & INDEX_MASK] + [len(log)]
        first = min(lost, max(0, len(starts) - 2))
        self.fed = starts[min(first + count, len(starts) - 1)]
        events = log[starts[first] : self.fed]
        epochs = [self.node.head.epoch, *(event.epoch for event in events)]
        new_logs = sum(earlier != later for earlier, later in pairwise(epochs))
        holes = self.node.holes + new_logs + (first > 0 and epochs[:1] == epochs[1:2])
        self.node.take(events)
        if self.node.holes != holes:
            raise Wrong(f"{self.node.holes} holes in the log instead of {holes}")
        self.remember_floor()

    def remember_floor(self) -> None:
        """Keep how far the history has been trimmed, to tell a true gap from a false one."""
        history = self.node.history
        self.floors[history.epoch] = max(self.floors.get(history.epoch, 0), history.floor)
