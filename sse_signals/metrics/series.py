"""What a series is: its name, what it means, and where its value is read. One row says all there is to say of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.utils import floatToGoString

from sse_signals.histogram import Histogram
from sse_signals.metrics.labels import sorted_out

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prometheus_client.core import Metric

PREFIX: Final = "sse_signals_"
Kind = Literal["counter", "gauge", "histogram", "info"]


@dataclass(frozen=True, slots=True)
class Series:
    """One row of the table of metrics.

    Attributes:
        name: Its name without `PREFIX`; of a counter with ``_total``, of an info with ``_info``.
        kind: What it is.
        help: What it means, in whole sentences; the exposition says the same.
        odd: When it is odd and what to do then, in whole sentences.
        label: The label that it has, or None.
        values: The closed list of what that label may say; of an info, the names of its labels.
        always: Whether it is always there; if not, ``help`` says when.
        read: Returns its value at a `sse_signals.metrics.moment.Moment`: a number, numbers by value of its label, a
            histogram, or None when there is nothing to say. None for a series that another collector brings.
    """

    name: str
    kind: Kind
    help: str
    odd: str
    label: str | None = None
    values: Sequence[str] = ()
    always: bool = True
    read: Callable[[Any], Any] | None = field(default=None, compare=False, repr=False)

    @property
    def full_name(self) -> str:
        """Its name as it stands in an exposition."""
        return PREFIX + self.name

    def family(self, value: Any) -> Metric:
        """Return it with a value, as prometheus_client has it.

        Args:
            value: A number, numbers by value of its label, texts by label of an info, or a histogram.
        """
        name = PREFIX + self.name.removesuffix("_info")
        if isinstance(value, Histogram):
            return HistogramMetricFamily(name, self.help, buckets=_buckets(value), sum_value=value.total)
        if self.kind == "info":
            return InfoMetricFamily(name, self.help, value={each: str(text) for each, text in value.items()})
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        if self.label is None:
            return made(name, self.help, value=value)
        family = made(name, self.help, labels=[self.label])
        for each, count in sorted_out(value, self.values).items():
            family.add_metric([each], count)
        return family


def _buckets(histogram: Histogram) -> Sequence[tuple[str, float]]:
    """Return the upper bound of each bucket, with how many values are no greater."""
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))
