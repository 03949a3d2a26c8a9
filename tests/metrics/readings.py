"""Expositions read back by prometheus_client's own parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric


class Readings(dict[str, float]):
    """Values by name without the hub's prefix, followed by the value of a label: ``limited_total full``."""

    def less(self, before: Readings) -> dict[str, float]:
        """Return what has changed since, without what changes by itself."""
        return {
            name: value - before.get(name, 0.0)
            for name, value in self.items()
            if value != before.get(name, 0.0) and not name.startswith(("process_", "python_", "loop_lag", "canary"))
        }


def families(text: bytes, *, openmetrics: bool = False) -> list[Metric]:
    """Return the families of an exposition; it has to be one to the letter."""
    parse = openmetrics_parser.text_string_to_metric_families if openmetrics else parser.text_string_to_metric_families
    return list(parse(text.decode()))


def read(text: bytes, *, openmetrics: bool = False) -> Readings:
    """Return the values of an exposition, each series once."""
    return of(families(text, openmetrics=openmetrics))


def of(gathered: Iterable[Metric]) -> Readings:
    """Return the values of families."""
    readings = Readings()
    for family in gathered:
        for sample in family.samples:
            name = " ".join([sample.name.removeprefix("sse_signals_"), *sample.labels.values()])
            assert name not in readings, f"{name} is there twice"
            readings[name] = sample.value
    return readings
