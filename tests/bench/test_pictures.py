"""The pictures and tables of the documentation show what was recorded, and nothing else."""

from __future__ import annotations

import re

from tests.bench import pictures
from tests.bench.recorded import RESULTS, Measured, figures
from tests.pages import section

TABLE = """
| | median [min, max] | hub | nchan |
|---|---|---|---|
| S1 calm | latency p50, ms | 8.959 [7.167, 9.599] | 1,234 [5.0, 6,000] |
| S2 busy | deliveries, /s | 1.0 [1.0, 2.0] |  |

| S1 calm | another table | 1 | 2 |
"""
OF = {
    "publishes acknowledged at the log, /s": ("brokers", "acknowledged publishes, 64 in flight, /s"),
    "publish requests over HTTP, /s": ("brokers-hub publishing", "requests, one signal each, 64 in flight, /s"),
    "publish to receive at the log, p99, ms, 200/s": ("brokers-reading", "publish to receive p99, 200 publishes/s, ms"),
    "deliveries/s to 1,000 streams, 16 in flight": ("brokers-hub S2", "deliveries, 16 in flight, /s"),
}
LOGS = ("memory://", "sqlite://", "redis://", "nats://")


def test_figures_are_read_from_tables() -> None:
    """Medians and spans by scenario, quantity and hub; what was not measured is not there, nor are other tables."""
    assert figures(TABLE) == {
        ("S1 calm", "latency p50, ms"): {"hub": Measured(8.959, 7.167, 9.599), "nchan": Measured(1234, 5, 6000)},
        ("S2 busy", "deliveries, /s"): {"hub": Measured(1, 1, 2)},
    }


def test_the_pictures_are_of_the_recorded_figures() -> None:
    """They are what ``python -m tests.bench.pictures`` draws today."""
    for name, text in pictures.pictures().items():
        assert (pictures.FOLDER / name).read_text(encoding="utf-8") == text, "run: python -m tests.bench.pictures"


def test_the_scaling_guide_shows_recorded_figures() -> None:
    """The table of what each log takes has the medians of the recorded runs."""
    found = figures(RESULTS.read_text(encoding="utf-8"))
    shown = section("deploy/SCALING.md", "Sizing")
    for label, key in OF.items():
        (row,) = re.findall(rf"^\| {re.escape(label)} \| (.*) \|$", shown, re.MULTILINE)
        assert [float(cell.replace(",", "")) for cell in row.split(" | ")] == [found[key][log].median for log in LOGS]
    always = [
        found[OF["publishes acknowledged at the log, /s"]][f"{log}, {sync} always"].median for log, sync in SYNCED
    ]
    assert re.findall(r"`always`: ([\d,]+)/s", shown) == [f"{value:,.0f}" for value in always]


SYNCED = (("redis://", "fsync"), ("nats://", "sync"))
