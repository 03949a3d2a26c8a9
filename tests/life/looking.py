"""Nodes that look out for each other on one log and one shared state, with a clock that moves when all else is done."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import structlog

from sse_signals.life.lookout import Lookout
from sse_signals.life.nodes import Nodes
from sse_signals.life.overview import Overview
from sse_signals.model import INDEX_BITS, HistoryLimits
from sse_signals.service import Service
from tests.fakes import NOON
from tests.life.cluster import Log, State
from tests.life.surveyed import Surveyed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from sse_signals.life.lookout import Seen
    from sse_signals.model import EventId

_Result = TypeVar("_Result")
_TURNS = 60  # of the loop, in which everything that waits for no clock is done


class Time:
    """A monotonic clock, in seconds, and sleep that ends when it has moved so far."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        """Return the same as a wall clock, in milliseconds since 1970-01-01 UTC."""
        return NOON + round((self.now - 1_000.0) * 1_000)

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def pass_by(self, seconds: float) -> None:
        """Let time pass, with all that happens in it."""
        end = self.now + seconds
        await settle()
        while (when := self._next()) <= end:
            await self._wake(when)
        self.now = end
        await settle()

    async def during(self, work: Coroutine[None, None, _Result]) -> _Result:
        """Do some work, and let no more time pass than it takes."""
        task = asyncio.ensure_future(work)
        await settle()
        while not task.done():
            await self._wake(self._next())
        return task.result()

    def _next(self) -> float:
        self._sleepers = [(when, future) for when, future in self._sleepers if not future.done()]
        return min((when for when, _ in self._sleepers), default=float("inf"))

    async def _wake(self, when: float) -> None:
        assert when < float("inf"), "it waits for something else than time"
        self.now = max(self.now, when)
        for due, future in self._sleepers:
            if due <= self.now and not future.done():
                future.set_result(None)
        await settle()


async def settle() -> None:
    """Let everything happen that waits for no clock."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


class SilentLog(Log):
    """A log that can leave whoever tells it something without an answer."""

    silent = False

    async def control(self, data: bytes) -> EventId:
        if self.silent:
            await asyncio.Event().wait()
        return await super().control(data)


class CountingState(State):
    """A shared state that counts what is kept in it, can fail, and can leave whoever asks without an answer."""

    puts = 0
    deaf = False
    silent = False

    async def items(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        if self.silent:
            await asyncio.Event().wait()
        return await super().items(prefix)

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        if self.deaf:
            raise RuntimeError("nobody has foreseen this")
        await super().put(key, value, ttl)
        self.puts += 1


class LookingNode:
    """One node."""

    def __init__(self, world: Looking, *, shared: bool) -> None:
        self.world = world
        logger = structlog.get_logger("sse_signals")
        self.service = Service(world.log, limits=HistoryLimits(), logger=logger, clock=world.time.wall_ms)
        self.nodes = Nodes(world.state)
        self.surveyed = Surveyed(self.nodes.own)
        self.overview = Overview(self.surveyed.subject, world.time)
        self.lookout = Lookout(
            self.overview,
            nodes=self.nodes,
            state=world.state,
            service=self.service,
            shared=shared,
            logger=logger,
            time=world.time,
            sleep=world.time.sleep,
        )

    @property
    def name(self) -> str:
        """Its name."""
        return self.nodes.own

    async def look(self, limit: int = 100, *, alone: bool = False) -> Seen:
        """Look, in no more time than that takes."""
        return await self.world.time.during(self.lookout.look(limit, alone=alone))


@dataclass
class Looking:
    """Nodes, what they share, and the clock."""

    time: Time = field(default_factory=Time)
    nodes: list[LookingNode] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self.log = SilentLog(clock=self.time.wall_ms)
        self.state = CountingState(clock=self.time.wall_ms)

    async def orders(self) -> int:
        """Return how many records the log holds."""
        return (await self.log.head()).position >> INDEX_BITS

    async def add(self, *, shared: bool = True) -> LookingNode:
        """Start one more node."""
        node = LookingNode(self, shared=shared)
        self.nodes.append(node)
        await self.stack.enter_async_context(_running(node))
        return node


@asynccontextmanager
async def _running(node: LookingNode) -> AsyncIterator[None]:
    await node.service.start()
    node.lookout.start()
    await settle()
    yield
    await node.lookout.stop()
    await node.service.stop()


@asynccontextmanager
async def looking(size: int = 2, *, shared: bool = True) -> AsyncIterator[Looking]:
    """Run nodes."""
    world = Looking()
    async with world.stack:
        for _ in range(size):
            await world.add(shared=shared)
        yield world


def nodes_of(seen: Seen) -> set[str]:
    """Return the names of the nodes that were seen."""
    return {str(part.node["node"]) for part in seen.parts}
