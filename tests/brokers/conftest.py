"""Every broker there is: each test of the contract runs against all of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sse_signals.broker_options import BrokerOptions
from sse_signals.brokers.memory import MemoryBroker
from sse_signals.brokers.memory_state import MemoryState
from sse_signals.brokers.nats import NatsBroker
from sse_signals.brokers.redis import RedisBroker
from sse_signals.brokers.sqlite import SqliteBroker
from sse_signals.model import HistoryLimits
from tests.brokers.servers import PATIENT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sse_signals.interfaces import Broker, SharedState
    from tests.brokers.servers import NatsServer, RedisServer

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z in milliseconds
_numbers = count(1)


@dataclass
class Clock:
    """A clock that a test sets."""

    now_ms: int = NOON

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Logs:
    """A kind of broker: opens new, empty logs, and closes them with the test.

    Attributes:
        make: Makes one of this kind.
        own_clock: Whether the log is told the time by `clock`; else its server knows better.
        exact: Whether it holds exactly what its limits say; else it may hold more.
        second: How long a second takes for what has to pass by itself, in seconds.
        clock: What tells those logs the time that have none of their own.
        opened: All that were opened.
        names: Of those, in the same order.
    """

    make: Callable[[HistoryLimits, BrokerOptions, Clock], Broker]
    own_clock: bool = True
    exact: bool = True
    second: float = 0.0
    clock: Clock = field(default_factory=Clock)
    opened: list[Broker] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    async def open(self, limits: HistoryLimits | None = None, **options: Any) -> Broker:
        """Return an empty log, or the one of a name that was given."""
        chosen = BrokerOptions(**{"name": f"log-{next(_numbers)}", "timeout": PATIENT, **options})
        self.names.append(chosen.name)
        log = self.make(limits or HistoryLimits(), chosen, self.clock)
        self.opened.append(log)
        await log.open()
        return log

    async def close(self) -> None:
        """Close all that were opened."""
        for log in self.opened:
            await log.close()


def memory(_: pytest.FixtureRequest) -> Logs:
    """Logs in this process."""
    return Logs(lambda limits, options, clock: MemoryBroker(limits, options, clock=clock))


def sqlite(request: pytest.FixtureRequest) -> Logs:
    """Logs in files."""
    folder: Path = request.getfixturevalue("tmp_path")

    def make(limits: HistoryLimits, options: BrokerOptions, clock: Clock) -> Broker:
        return SqliteBroker(
            f"sqlite:///{folder}/{options.name}.db", limits, options, clock=clock, logger=structlog.get_logger()
        )

    return Logs(make)


def redis(request: pytest.FixtureRequest) -> Logs:
    """Logs on a Redis server."""
    server: RedisServer = request.getfixturevalue("redis_server")

    def make(limits: HistoryLimits, options: BrokerOptions, clock: Clock) -> Broker:
        return RedisBroker(server.url, limits, options, clock=clock, logger=structlog.get_logger())

    return Logs(make, own_clock=False, exact=False, second=0.1)


def nats(request: pytest.FixtureRequest) -> Logs:
    """Logs on a NATS server."""
    server: NatsServer = request.getfixturevalue("nats_server")

    def make(limits: HistoryLimits, options: BrokerOptions, clock: Clock) -> Broker:
        return NatsBroker(server.url, limits, options, clock=clock, logger=structlog.get_logger())

    return Logs(make, own_clock=False, exact=False, second=0.1)


KINDS = (memory, sqlite, redis, nats)


def _name(kind: Callable[..., Logs]) -> str:
    return f"{kind.__name__}://"


@pytest.fixture(params=KINDS, ids=_name)
def kind(request: pytest.FixtureRequest) -> Logs:
    """One kind of broker; made outside of the event loop, which a server's start would block."""
    made: Logs = request.param(request)
    return made


@pytest.fixture
async def logs(kind: Logs) -> AsyncIterator[Logs]:
    """One kind of broker."""
    yield kind
    await kind.close()


@pytest.fixture(params=(memory, sqlite), ids=_name)
def timed_kind(request: pytest.FixtureRequest) -> Logs:
    """One kind of broker that is told the time by this process; made outside of the event loop."""
    made: Logs = request.param(request)
    return made


@pytest.fixture
async def timed_logs(timed_kind: Logs) -> AsyncIterator[Logs]:
    """One kind of broker that is told the time by this process, and keeps its limits to the letter."""
    yield timed_kind
    await timed_kind.close()


@pytest.fixture
async def broker(logs: Logs) -> Broker:
    """An empty log."""
    return await logs.open()


@dataclass(frozen=True)
class States:
    """A kind of shared state, and how time passes for it.

    Attributes:
        state: The state.
        logs: The kind of broker that it belongs to.
        second: What to give for a second.
    """

    state: SharedState
    logs: Logs
    second: float

    async def pass_time(self, seconds: float) -> None:
        """Let time pass: by setting the clock, or by waiting where it is somebody else's."""
        self.logs.clock.now_ms += round(seconds * 1000)
        await asyncio.sleep(seconds * self.logs.second)


@pytest.fixture
async def states(logs: Logs) -> States:
    """One kind of shared state, empty."""
    log: Any = await logs.open()
    state = MemoryState(clock=logs.clock) if isinstance(log, MemoryBroker) else log.state
    return States(state, logs, logs.second or 1.0)


@pytest.fixture(params=(redis, nats), ids=_name)
def shared_kind(request: pytest.FixtureRequest) -> Logs:
    """One kind of broker that several processes share; made outside of the event loop."""
    made: Logs = request.param(request)
    return made


@pytest.fixture
async def shared_logs(shared_kind: Logs) -> AsyncIterator[Logs]:
    """One kind of broker that several processes share."""
    yield shared_kind
    await shared_kind.close()
