"""The collector: reads all series at a moment, as prometheus_client asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from sse_signals.metrics.catalogue import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from sse_signals.metrics.moment import Moment


class NodeCollector(Collector):
    """Brings the series that are read from a node.

    Attributes:
        moment: What they are read from; None before anybody has looked.
    """

    def __init__(self) -> None:
        self.moment: Moment | None = None

    def collect(self) -> Iterator[Metric]:
        """Bring each series that has a value, in the order of the catalogue."""
        if self.moment is None:
            return
        for series in SERIES:
            value = None if series.read is None else series.read(self.moment)
            if value is not None:
                yield series.family(value)
