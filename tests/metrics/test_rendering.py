"""Expositions as text."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from sse_signals.histogram import Histogram
from sse_signals.metrics.labels import OTHER
from sse_signals.metrics.rendering import rendered, wants_openmetrics
from sse_signals.metrics.series import Series
from tests.metrics.readings import families, read


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        ("text/html, application/openmetrics-text; version=1.0.0; charset=utf-8", True),
        ("APPLICATION/OpenMetrics-Text", True),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text; q=0.5, text/plain", True),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.3,*/*;q=0.1", True),
        ("application/openmetrics-textual", False),
        ("application/openmetrics-text;version=\x1b[31m;escaping=\u2028", True),
    ],
)
def test_openmetrics_is_for_who_asks_for_it(accept: str, wanted: bool) -> None:
    """A browser, curl and an old Prometheus get text; whatever else the header says is not looked at."""
    assert wants_openmetrics(accept) is wanted


@pytest.mark.parametrize("openmetrics", [False, True])
async def test_all_families_are_written_and_can_be_read(openmetrics: bool) -> None:
    """The text has one end, its values are those of the families, and escapes are undone by who reads them."""
    said = 'a\\b "c"\nd'
    family = GaugeMetricFamily("sse_signals_x", said, labels=["y"])
    family.add_metric([said], 2.5)
    histogram = Histogram([0.1, 1])
    for value in (0.05, 0.5, 7):
        histogram.observe(value)
    row = Series("h_seconds", "histogram", "It is one.", "It is odd.")
    loop = asyncio.get_running_loop()
    gathered = [family, CounterMetricFamily("n_total", "How many.", value=3), row.family(histogram)]
    text, content_type = await rendered(gathered, openmetrics=openmetrics, time=loop.time)
    assert read(text, openmetrics=openmetrics) == {
        f"x {said}": 2.5,
        "n_total": 3,
        "h_seconds_bucket 0.1": 1,
        "h_seconds_bucket 1.0": 2,
        "h_seconds_bucket +Inf": 3,
        "h_seconds_count": 3,
        "h_seconds_sum": pytest.approx(7.55),
    }
    assert text.count(b"# EOF") == text.endswith(b"# EOF\n") == openmetrics
    assert content_type.startswith("application/openmetrics-text; version=1.0.0" if openmetrics else "text/plain;")
    assert [each.type for each in families(text, openmetrics=openmetrics)] == ["gauge", "counter", "histogram"]


def test_rows_become_what_they_say() -> None:
    """A counter, a gauge, both with a closed list of labels, and an info."""
    gauge = Series("a", "gauge", "A.", "Odd.").family(True)
    counter = Series("b_total", "counter", "B.", "Odd.", label="why", values=("x", OTHER)).family({"y": 2})
    info = Series("c_info", "info", "C.", "Odd.", values=("version",)).family({"version": "1"})
    assert [
        (sample.name, sample.labels, sample.value) for family in (gauge, counter, info) for sample in family.samples
    ] == [
        ("sse_signals_a", {}, 1),
        ("sse_signals_b_total", {"why": "x"}, 0),
        ("sse_signals_b_total", {"why": OTHER}, 2),
        ("sse_signals_c_info", {"version": "1"}, 1),
    ]
