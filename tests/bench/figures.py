"""What was measured, and how it stands to what is asked."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class What:
    """A quantity.

    Attributes:
        scenario: Its scenario's name.
        name: What it is.
        unit: In what.
    """

    scenario: str
    name: str
    unit: str = ""


@dataclass(frozen=True)
class Bar:
    """What is asked of the hub.

    Attributes:
        scenario: Its scenario's name.
        asked: What is asked, in words.
        values: What was measured, one value a run; none where it could not be.
        limit: What it is compared with.
        at_least: Whether more is better.
    """

    scenario: str
    asked: str
    values: Sequence[float]
    limit: float
    at_least: bool = False

    @property
    def median(self) -> float:
        """The median of the runs."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        """Whether the median meets the limit."""
        return self.median >= self.limit if self.at_least else self.median <= self.limit


@dataclass
class Figures:
    """All values of all quantities, by who was measured; the n-th value of each is of the n-th run.

    Attributes:
        values: The values.
        bars: What is asked.
    """

    values: dict[What, dict[str, list[float]]] = field(default_factory=dict)
    bars: list[Bar] = field(default_factory=list)

    def add(self, what: What, who: str, value: float) -> None:
        """Note one value."""
        self.values.setdefault(what, {}).setdefault(who, []).append(value)

    def of(self, what: What, who: str) -> list[float]:
        """Return all values."""
        return self.values.get(what, {}).get(who, [])

    def median(self, what: What, who: str) -> float | None:
        """Return the median, or None when nothing was measured."""
        values = self.of(what, who)
        return statistics.median(values) if values else None

    def ask(self, what: What, who: str, limit: float, asked: str, *, at_least: bool = False) -> None:
        """Ask that the values are not more, or not less, than a limit."""
        self._ask(what.scenario, self.of(what, who), limit, asked, at_least=at_least)

    def compare(self, what: What, who: str, other: str, limit: float, asked: str, *, at_least: bool = False) -> None:
        """Ask how the values stand to another's: as ratios within each run, since machines have moods."""
        self._ask(what.scenario, _ratios(self.of(what, who), self.of(what, other)), limit, asked, at_least=at_least)

    def relate(self, scenario: str, one: Sequence[float], two: Sequence[float], limit: float, asked: str) -> None:
        """Ask how values stand to others, run by run."""
        self._ask(scenario, _ratios(one, two), limit, asked, at_least=False)

    def judged(self) -> str:
        """Return a Markdown table of what is asked beside what was measured."""
        lines = ["| | asked | median [min, max] | |", "|---|---|---|---|"]
        for bar in self.bars:
            measured = spread(bar.values, number) if bar.values else "not measured"
            verdict = ("met" if bar.met else "**missed**") if bar.values else ""
            lines.append(f"| {bar.scenario} | {bar.asked} | {measured} | {verdict} |")
        return "\n".join(lines) + "\n"

    def measured(self, *ratios: tuple[str, str]) -> str:
        """Return a Markdown table of all figures, a row for each quantity and a column for each who was measured.

        Args:
            ratios: Pairs of those who were measured: how the first stands to the second, run by run, is a column too.
        """
        names = list(dict.fromkeys(name for by_name in self.values.values() for name in by_name))
        columns = [*names, *(f"{one} : {other}" for one, other in ratios)]
        lines = [f"| | median [min, max] | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
        for what, by_name in self.values.items():
            cells = [by_name.get(name, []) for name in names]
            cells += [_ratios(by_name.get(one, []), by_name.get(other, [])) for one, other in ratios]
            unit = f", {what.unit}" if what.unit else ""
            texts = [spread(values, number) if values else "" for values in cells]
            lines.append(f"| {what.scenario} | {what.name}{unit} | {' | '.join(texts)} |")
        return "\n".join(lines) + "\n"

    def _ask(self, scenario: str, values: Sequence[float], limit: float, asked: str, *, at_least: bool) -> None:
        self.bars.append(Bar(scenario, asked, values, limit, at_least))


def _ratios(one: Sequence[float], two: Sequence[float]) -> list[float]:
    return [mine / other for mine, other in zip(one, two, strict=False) if other]


def spread(values: Sequence[float], text: Callable[[float], str]) -> str:
    """Return median, least and greatest as text."""
    return f"{text(statistics.median(values))} [{text(min(values))}, {text(max(values))}]"


def number(value: float) -> str:
    """Return a number with the digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
