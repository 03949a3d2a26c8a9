"""Every broker there is: each test of the contract runs against all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from sse_signals.brokers.memory import MemoryBroker
from sse_signals.model import HistoryLimits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sse_signals.interfaces import Broker

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z in milliseconds


@dataclass
class Clock:
    """A clock that a test sets."""

    now_ms: int = NOON

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Logs:
    """A kind of broker: opens new, empty logs, and closes them with the test."""

    make: Callable[[HistoryLimits, Clock], Broker]
    clock: Clock = field(default_factory=Clock)
    opened: list[Broker] = field(default_factory=list)

    def open(self, limits: HistoryLimits | None = None) -> Broker:
        """Return an empty log, told the time by `clock`."""
        log = self.make(limits or HistoryLimits(), self.clock)
        self.opened.append(log)
        return log


def memory(limits: HistoryLimits, clock: Clock) -> Broker:
    """Return a log in this process."""
    return MemoryBroker(limits, clock=clock)


@pytest.fixture(params=[memory], ids=lambda make: f"{make.__name__}://")
async def logs(request: pytest.FixtureRequest) -> AsyncIterator[Logs]:
    """One kind of broker."""
    kind = Logs(request.param)
    yield kind
    for log in kind.opened:
        await log.close()


@pytest.fixture
def broker(logs: Logs) -> Broker:
    """An empty log."""
    return logs.open()
