"""Pictures of the figures, as SVG."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

from tests.bench.scenarios import fan_out, growth
from tests.bench.servers import AUTHENTICATED, FLOOR, HUB, NAIVE, NCHAN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tests.bench.figures import Figures, What
    from tests.bench.scale import Scale

_COLORS = {HUB: "#1f6feb", AUTHENTICATED: "#6f42c1", NCHAN: "#d4691e", NAIVE: "#8b8f97", FLOOR: "#2e8b57"}
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.figsize": (7.2, 3.8),
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "sse-signals",
}


def draw(figures: Figures, scale: Scale, folder: Path) -> Iterator[Path]:
    """Draw what can be drawn from the figures; yield the files."""
    with mpl.rc_context(_STYLE):
        yield from _bars(figures, folder / "calm-cpu.svg", fan_out.CPU, "Calm: server CPU per delivery", "µs")
        yield from _latencies(figures, folder / "calm-latency.svg")
        yield from _busy(figures, scale, folder / "busy.svg")
        lines = [
            ("streams", "streams", scale.ladder, growth.by_streams),
            ("size", "bytes of a message", scale.sizes, growth.by_size),
            ("publishers", "requests in flight", growth.in_flight(scale), growth.by_publishers),
        ]
        for name, label, steps, what in lines:
            yield from _line(figures, folder / f"growth-{name}.svg", label, steps, [what(step) for step in steps])


def _bars(figures: Figures, path: Path, what: What, title: str, unit: str) -> Iterator[Path]:
    values = figures.values.get(what, {})
    if not values:
        return
    figure, axes = plt.subplots()
    for place, (name, found) in enumerate(values.items()):
        _bar(axes, place, found, name, 0.6)
    axes.set_xticks(range(len(values)), list(values))
    axes.grid(visible=False, axis="x")
    axes.set_title(title)
    axes.set_ylabel(unit)
    yield _save(figure, path)


def _latencies(figures: Figures, path: Path) -> Iterator[Path]:
    if not figures.values.get(fan_out.P50):
        return
    figure, axes = plt.subplots()
    kinds = (("p50", fan_out.P50), ("p99", fan_out.P99))
    names = list(figures.values[fan_out.P50])
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        for place, (_, what) in enumerate(kinds):
            label = name if place == 0 else None
            _bar(axes, place + number * width - 0.4 + width / 2, figures.of(what, name), name, width * 0.9, label)
    axes.set_xticks(range(len(kinds)), [kind for kind, _ in kinds])
    axes.grid(visible=False, axis="x")
    axes.set_title("Calm: from publish to receive")
    axes.set_ylabel("ms")
    axes.legend()
    yield _save(figure, path)


def _busy(figures: Figures, scale: Scale, path: Path) -> Iterator[Path]:
    whats = [fan_out.rate(in_flight) for in_flight in scale.in_flight]
    names = list(figures.values.get(whats[0], {}))
    if not names:
        return
    figure, axes = plt.subplots()
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        for place, what in enumerate(whats):
            label = name if place == 0 else None
            _bar(axes, place + number * width - 0.4 + width / 2, figures.of(what, name), name, width * 0.9, label)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.minorticks_off()
    axes.set_xticks(range(len(whats)), [f"{in_flight} in flight" for in_flight in scale.in_flight])
    axes.grid(visible=False, axis="x")
    axes.set_title(f"Busy: deliveries per second to {scale.streams:,} streams (logarithmic)")
    axes.set_ylabel("deliveries/s")
    axes.legend()
    yield _save(figure, path)


def _line(figures: Figures, path: Path, label: str, steps: Sequence[int], whats: Sequence[What]) -> Iterator[Path]:
    names = list(dict.fromkeys(name for what in whats for name in figures.values.get(what, {})))
    if not names:
        return
    figure, axes = plt.subplots()
    for name in names:
        medians = [(step, figures.median(what, name)) for step, what in zip(steps, whats, strict=True)]
        found = [(step, median) for step, median in medians if median is not None]
        axes.plot(*zip(*found, strict=True), marker="o", color=_COLORS[name], label=name)
    axes.set_xscale("log")
    axes.set_xticks(steps, [_short(step) for step in steps])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(FuncFormatter(_short))
    axes.set_title(f"Server CPU per delivery against {label}")
    axes.set_xlabel(label)
    axes.set_ylabel("µs")
    if len(names) > 1:
        axes.legend()
    yield _save(figure, path)


def _bar(axes: Axes, place: float, values: Sequence[float], name: str, width: float, label: str | None = None) -> None:
    """Draw the median as a bar, and the span of all runs as a line on it."""
    if not values:
        return
    middle = statistics.median(values)
    span = [[middle - min(values)], [max(values) - middle]]
    axes.bar(place, middle, width, color=_COLORS[name], label=label, yerr=span, ecolor="#333", capsize=3)
    axes.annotate(_short(middle), (place, max(values)), (0, 2), textcoords="offset points", ha="center", va="bottom")


def _short(value: float, _place: int | None = None) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
