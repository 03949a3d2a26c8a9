"""Metrics of one service: gathered when somebody asks, in slices that open streams do not notice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from prometheus_client.gc_collector import GC_COLLECTOR
from prometheus_client.process_collector import PROCESS_COLLECTOR
from prometheus_client.registry import CollectorRegistry

from sse_signals.life.shared import Shared
from sse_signals.life.slices import in_slices
from sse_signals.metrics.collector import NodeCollector
from sse_signals.metrics.moment import Moment
from sse_signals.metrics.totals import sum_up

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from prometheus_client.core import Metric

    from sse_signals.metrics.moment import Source

PATIENCE: Final = 1.0  # seconds that the log gets to say where its head is
KEPT: Final = 1.0  # seconds for which that is good


class Metrics:
    """What one service counts.

    Attributes:
        registry: Collectors of this service alone, since a process may hold several; more can be registered. They are
            asked in the loop, and must not wait for anything.
        exposition: Returns what a scrape is answered with; by default that is `families`.
        elsewhere: Where metrics are to be asked for instead, one sentence, if it is not on the hub's own port.
    """

    def __init__(self, source: Source) -> None:
        """Make it.

        Args:
            source: What is read.
        """
        self._source = source
        self._node = NodeCollector()
        self._gathered = Shared[list["Metric"]]()
        self._lag: int | None = None
        self._lag_until: float | None = None
        self.registry = CollectorRegistry()
        self.registry.register(self._node)
        self.registry.register(GC_COLLECTOR)
        self.exposition: Callable[[], Awaitable[Sequence[Metric]]] = self.families
        self.elsewhere: str | None = None

    async def families(self) -> Sequence[Metric]:
        """Return all series of this process, as they were at one moment after this call.

        Raises:
            BrokerUnavailable: The service was never started.
        """
        return await self._gathered.get(self._gather)

    async def _gather(self) -> list[Metric]:
        source, loop = self._source, asyncio.get_running_loop()
        node = source.service.node
        # Reading /proc takes milliseconds in a process with thousands of connections.
        process = loop.run_in_executor(None, lambda: list(PROCESS_COLLECTOR.collect()))
        lag = await self._records_behind(loop.time)
        of_process = await process
        totals = await in_slices(sum_up(source.ledger, source.streams()), loop.time)
        await asyncio.sleep(0)  # reading all series takes as long as another slice
        self._node.moment = Moment(source, node, totals, lag)
        return [*self.registry.collect(), *of_process]

    async def _records_behind(self, time: Callable[[], float]) -> int | None:
        service = self._source.service
        if self._lag_until is None or time() >= self._lag_until:
            self._lag = await service.records_behind(PATIENCE)
            self._lag_until = time() + KEPT
        return self._lag if service.ready else None  # what was known before the log went away is known no more
