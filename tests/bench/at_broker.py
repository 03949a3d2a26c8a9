"""The load at a broker's own interface: publishes, follows, and checks that the log holds what was acknowledged."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, cast

import structlog

from sse_signals.bench.latencies import Latencies
from sse_signals.bench.remote import now_us
from sse_signals.brokers.choice import open_log
from sse_signals.clock import wall_clock_ms
from sse_signals.interfaces import never_waits
from sse_signals.model import INDEX_MASK, EventId, HistoryLimits, Tail, follows
from sse_signals.service import Service
from tests.bench.appending import Appended, drive, request, rest, signal
from tests.bench.brokers import ROOM

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from sse_signals.broker_options import BrokerOptions
    from sse_signals.interfaces import Broker
    from sse_signals.model import Event, Receipt, Signal

_PATIENCE: Final = 30.0  # seconds for everything to arrive
_LAST: Final = 10**9  # number of the request after which nothing comes
_FILLERS: Final = 512  # publishers who fill a log


@dataclass(frozen=True)
class CaughtUp:
    """How a node read what a log held.

    Attributes:
        following: Seconds to follow all of it into the history.
        cpu: Seconds of CPU that this took the process, threads included.
        loading: Seconds to open the log and load all of it as its tail.
        stall: The longest that the loop stood still during that, in seconds.
    """

    following: float
    cpu: float
    loading: float
    stall: float


class AtBroker:
    """A log, used at its own interface; see `tests.bench.appending.Appender`."""

    def __init__(self, url: str, options: BrokerOptions) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
        self._limits = HistoryLimits(count=ROOM, size=2 << 30, age=3600.0)
        log = open_log(url, self._limits, options, clock=wall_clock_ms, logger=structlog.get_logger())
        self._broker = log.broker
        self._waits = not never_waits(self._broker.publish)
        self._opening = self._stall = 0.0

    async def open(self) -> None:
        """See `Appender.open`. What a log does now belongs to loading it."""
        stalls, started = _Stalls(), time.perf_counter()
        await self._broker.open()
        self._opening, self._stall = time.perf_counter() - started, stalls.stop()

    async def close(self) -> None:
        """See `Appender.close`."""
        await self._broker.close()

    async def busy(self, publishers: int, batch: int, seconds: float) -> Appended:
        """See `Appender.busy`."""
        others, before = rest(batch), await self._broker.head()
        acknowledged: dict[int, int] = {}

        async def append(number: int) -> None:
            receipt = await self._publish(request(number, others))
            acknowledged[receipt.ids[0].position] = number

        done = await drive(append, publishers, seconds=seconds)
        found = Found(before, acknowledged, batch)
        async with asyncio.timeout(_PATIENCE), aclosing(self._follow(before)) as pieces:
            async for events in pieces:
                found.take(events)
                if found.complete:
                    break
        return done

    async def latencies(self, publishers: int, seconds: float) -> Latencies:
        """Publish from so many at once while somebody follows; return the times from each publish to its receipt."""
        return await self._timed(lambda append: drive(append, publishers, seconds=seconds))

    async def calm_latencies(self, rate: float, seconds: float) -> Latencies:
        """Publish at a steady rate, whether or not that is answered in time; return the times as `latencies` does."""

        async def publish(append: Any) -> None:
            started = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(round(rate * seconds)):
                    await asyncio.sleep(started + number / rate - time.perf_counter())
                    group.create_task(append(number))

        return await self._timed(publish)

    async def fill(self, records: int) -> EventId:
        """Append so many records of one signal, and return what they follow."""
        before = await self._broker.head()
        await drive(lambda number: self._publish([signal(number)]), _FILLERS, most=records)
        return before

    async def catch_up(self, before: EventId, records: int) -> CaughtUp:
        """Read the last so many records twice: by following, and as the tail of the log."""
        head = await self._broker.head()
        service = Service(
            cast("Broker", _Followed(self._broker, before)),
            limits=self._limits,
            logger=structlog.get_logger(),
            clock=wall_clock_ms,
        )
        cpu, started = time.process_time(), time.perf_counter()
        await service.start()
        async with asyncio.timeout(_PATIENCE):
            while service.node.head.position < head.position:
                await service.follower.taken()
        following, cpu = time.perf_counter() - started, time.process_time() - cpu
        held, holes = len(service.node.history), service.node.holes
        await service.stop()
        stalls = _Stalls()
        started = time.perf_counter()
        tail = await self._broker.tail(replace(self._limits, count=records))
        loading = self._opening + time.perf_counter() - started
        stall = max(self._stall, stalls.stop())
        if held != records or holes or len(tail.events) < records:
            raise RuntimeError(
                f"of {records} records {held} were followed with {holes} holes, {len(tail.events)} loaded"
            )
        return CaughtUp(following, cpu, loading, stall)

    async def _timed(self, publish: Any) -> Latencies:
        before = await self._broker.head()
        acknowledged: dict[int, int] = {}
        found, latencies = Found(before, acknowledged, 1), Latencies()

        async def append(number: int) -> None:
            receipt = await self._publish([signal(number)])
            if not self._waits:
                await asyncio.sleep(0)  # as the service does, or nobody would get to read
            acknowledged[receipt.ids[0].position] = number

        async def follow() -> None:
            async with aclosing(self._follow(before)) as pieces:
                async for events in pieces:
                    now = now_us()
                    for event in events:
                        latencies.add(now - event.message["t"])
                    kept.extend(events)
                    if events[-1].message["n"] == _LAST:
                        return

        kept: list[Event] = []
        following = asyncio.create_task(follow())
        await publish(append)
        await append(_LAST)
        await asyncio.wait_for(following, _PATIENCE)
        found.take(kept)
        return latencies

    async def _publish(self, signals: Sequence[Signal]) -> Receipt:
        return await self._broker.publish(signals)

    def _follow(self, after: EventId) -> AsyncGenerator[Sequence[Event], None]:
        return cast("AsyncGenerator[Sequence[Event], None]", self._broker.follow(after))


class Found:
    """Compares what a log brings with what was acknowledged: the same, once, in order, and nothing else."""

    def __init__(self, after: EventId, acknowledged: dict[int, int], batch: int) -> None:
        """Begin.

        Args:
            after: Where it begins.
            acknowledged: The request's number, for the position of its first signal; more may come meanwhile.
            batch: Signals of a request.
        """
        self._at = after.position
        self._acknowledged = acknowledged
        self._batch = batch
        self._events = 0

    @property
    def complete(self) -> bool:
        """Whether everything has come."""
        return self._events == len(self._acknowledged) * self._batch

    def take(self, events: Sequence[Event]) -> None:
        """Look at what comes next.

        Raises:
            RuntimeError: It is not what was acknowledged.
        """
        for event in events:
            message = event.message
            index = event.position & INDEX_MASK
            wanted = self._acknowledged.get(event.position) if index == 0 else 0
            if not follows(self._at, event.position) or (message["n"], message["p"]) != (wanted, index):
                raise RuntimeError(f"{event.id} holds {message}, and not request {wanted}")
            self._at = event.position
            self._events += 1


class _Followed:
    """A log whose tail is empty, so that a node that starts has to follow all of it."""

    def __init__(self, broker: Broker, start: EventId) -> None:
        self._broker = broker
        self._start = start

    async def tail(self, _limits: HistoryLimits) -> Tail:
        return Tail(self._start)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)


class _Stalls:
    """Finds out for how long the loop stands still."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._longest = 0.0
        self._next = self._loop.call_soon(self._look)

    def stop(self) -> float:
        """Return the longest, in seconds."""
        self._next.cancel()
        return max(self._longest, self._loop.time() - self._last)

    def _look(self) -> None:
        now = self._loop.time()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        self._next = self._loop.call_later(0.001, self._look)
