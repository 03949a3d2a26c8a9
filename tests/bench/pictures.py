"""Pictures of the documentation from recorded results: ``python -m tests.bench.pictures`` draws them anew.

They are SVG by hand, so that they are the same wherever they are drawn, and readable in the light and in the dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from tests.bench.recorded import RESULTS, Measured, figures
from tests.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER: Final = ROOT / "deploy" / "pictures"
_WIDTH, _HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 20, 66, 64
_STYLE: Final = """
  :root { --ink: #1f2328; --soft: #59636e; --grid: #d1d9e0; --ground: #ffffff;
    --hub: #0969da; --nchan: #bc4c00; --naive: #818b98; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #f0f6fc; --soft: #9198a1; --grid: #3d444d; --ground: #0d1117;
      --hub: #4493f8; --nchan: #e0823d; --naive: #9198a1; }
  }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; fill: var(--ink); }
  .title { font-size: 16px; font-weight: 600; }
  .soft { fill: var(--soft); font-size: 12px; }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .span { stroke: var(--ink); stroke-width: 1.2; }
  .hub { fill: var(--hub); stroke: var(--hub); }
  .nchan { fill: var(--nchan); stroke: var(--nchan); }
  .naive { fill: var(--naive); stroke: var(--naive); }
  .pale { fill-opacity: 0.45; }
"""

Found = dict[tuple[str, str], dict[str, Measured]]


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one colour.

    Attributes:
        label: What the legend says.
        kind: The CSS class: ``hub``, ``nchan`` or ``naive``.
        values: One for each place.
        pale: Whether they are drawn paler than others of their kind.
    """

    label: str
    kind: str
    values: Sequence[Measured]
    pale: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        title: Says what is shown, with the unit.
        about: What was measured, in a sentence below.
        places: The labels of the x axis.
        series: What is compared.
        low: The least value of a logarithmic axis; 0 makes it a linear one.
        high: The greatest value of the axis.
    """

    title: str
    about: str
    places: Sequence[str]
    series: Sequence[Series]
    low: float
    high: float


def charts(found: Found) -> Mapping[str, Chart]:
    """Return the charts by the names of their files."""
    loads = [f"S2 busy, {number} in flight" for number in (1, 16, 64)]

    def values(what: str, hub: str, scenarios: Sequence[str]) -> list[Measured]:
        return [found[(scenario, what)][hub] for scenario in scenarios]

    fan_out = [Series(_LABELS[hub], hub, values("deliveries, /s", hub, loads)) for hub in ("hub", "nchan", "naive")]
    latency = [
        Series(
            f"{_LABELS[hub]}, {which}", hub, values(f"latency {which}, ms", hub, ["S1 calm", *loads]), which == "p99"
        )
        for hub in ("hub", "nchan")
        for which in ("p50", "p99")
    ]
    idle = found[("S3 memory", "user-space memory per idle stream, KiB")]
    after = [found[("S3 memory", f"the same after {times} x the events, KiB")]["hub"] for times in (1, 10)]
    memory = [Series(_LABELS["hub"], "hub", [idle["hub"], *after]), Series(_LABELS["nchan"], "nchan", [idle["nchan"]])]
    return {
        "bench-fan-out.svg": Chart(
            "Deliveries per second to 1,000 streams, from one core (logarithmic)",
            "Publish requests kept in flight; 100-byte messages; median, and the span of all runs.",
            ["1 in flight", "16 in flight", "64 in flight"],
            fan_out,
            low=1e4,
            high=1e7,
        ),
        "bench-latency.svg": Chart(
            "From publish to receive over load, in ms (logarithmic)",
            "1,000 streams; calm is 20 signals a second, else each hub publishes what it can; median and span.",
            ["calm", "1 in flight", "16 in flight", "64 in flight"],
            latency,
            low=1.0,
            high=2000.0,
        ),
        "bench-memory.svg": Chart(
            "Memory of one stream, in KiB",
            "The process's own memory, without the kernel's socket buffers; nchan was measured idle only.",
            ["idle", "after 1,000 events", "after 10,000 events"],
            memory,
            low=0.0,
            high=16.0,
        ),
    }


_LABELS: Final = {"hub": "sse_signals", "nchan": "nchan", "naive": "a queue for each stream"}


def drawn(chart: Chart) -> str:
    """Return a chart as SVG."""
    title, about = escape(chart.title), escape(chart.about)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="t d">',
        f'<title id="t">{title}</title>\n<desc id="d">{about}</desc>\n<style>{_STYLE}</style>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" style="fill: var(--ground)"/>',
        f'<text class="title" x="20" y="30">{title}</text>',
        f'<text class="soft" x="20" y="{_HEIGHT - 14}">{about}</text>',
        *_grid(chart),
        *_places(chart),
        *_bars(chart),
        *_legend(chart),
        "</svg>\n",
    ]
    return "\n".join(parts)


def _y(chart: Chart, value: float) -> float:
    share = math.log(value / chart.low) / math.log(chart.high / chart.low) if chart.low else value / chart.high
    return round(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM), 1)


def _x(chart: Chart, place: float) -> float:
    return round(_LEFT + (place + 0.5) * (_WIDTH - _LEFT - _RIGHT) / len(chart.places), 1)


def _grid(chart: Chart) -> Iterator[str]:
    if chart.low:
        steps = [10.0**power for power in range(round(math.log10(chart.low)), math.floor(math.log10(chart.high)) + 1)]
    else:
        steps = [chart.high * part / 4 for part in range(5)]
    for step in steps:
        y = _y(chart, step)
        yield f'<path class="grid" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>'
        yield f'<text class="soft" x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{_short(step)}</text>'


def _places(chart: Chart) -> Iterator[str]:
    for place, label in enumerate(chart.places):
        yield f'<text x="{_x(chart, place)}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle">{escape(label)}</text>'


def _bars(chart: Chart) -> Iterator[str]:
    floor = _HEIGHT - _BOTTOM
    for number, series in enumerate(chart.series):
        for place, value in enumerate(series.values):
            beside = sum(1 for other in chart.series if place < len(other.values))
            width = min(70.0, 0.8 * (_WIDTH - _LEFT - _RIGHT) / len(chart.places) / len(chart.series))
            left = round(_x(chart, place) + (number - beside / 2) * width, 1)
            middle, top = round(left + width / 2, 1), _y(chart, value.median)
            bar = f'x="{left + 2}" y="{top}" width="{round(width - 4, 1)}" height="{round(floor - top, 1)}"'
            yield f'<rect class="{_kind(series)}" {bar}/>'
            yield f'<path class="span" d="M{middle} {_y(chart, value.least)}V{_y(chart, value.greatest)}"/>'
            above = _y(chart, value.greatest) - 6
            yield f'<text x="{middle}" y="{round(above, 1)}" text-anchor="middle">{_short(value.median)}</text>'


def _legend(chart: Chart) -> Iterator[str]:
    left = 20
    for series in chart.series:
        yield f'<rect class="{_kind(series)}" x="{left}" y="41" width="14" height="12"/>'
        yield f'<text x="{left + 21}" y="52">{escape(series.label)}</text>'
        left += 50 + 8 * len(series.label)


def _kind(series: Series) -> str:
    return f"{series.kind} pale" if series.pale else series.kind


def _short(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def pictures() -> dict[str, str]:
    """Return all pictures by the names of their files."""
    found = figures(RESULTS.read_text(encoding="utf-8"))
    return {name: drawn(chart) for name, chart in charts(found).items()}


if __name__ == "__main__":
    for name, text in pictures().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
