"""Runs the benchmark: prints Markdown, and draws plots into a folder."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Never

from sse_signals.bench.quantities import counted
from tests.bench import brokers, machine, nchan, plots, servers, tokens
from tests.bench.figures import Figures
from tests.bench.scale import FULL, QUICK
from tests.bench.scenarios import behind, fan_out, growth, memory, opening, publishing, resuming, stalled, targeted
from tests.bench.scenarios import brokers as at_brokers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.bench.scale import Scale

SCENARIOS: dict[str, Callable[[Scale, Figures], None]] = {
    "S1": fan_out.measure_calm,
    "S2": fan_out.measure_busy,
    "S3": memory.measure,
    "S4": opening.measure,
    "S5": publishing.measure,
    "S6": resuming.measure,
    "S7": targeted.measure,
    "S8": targeted.measure_mixed,
    "S9": stalled.measure,
    "growth": growth.measure,
    at_brokers.NAME: at_brokers.measure,
    at_brokers.READING: at_brokers.measure_reading,
    behind.NAME: behind.measure,
}


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="./tests/bench/run", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-results"), help="folder for table and plots")
    parser.add_argument(
        "--quick", action="store_true", help="small numbers, one run: shows that it works, measures little"
    )
    parser.add_argument("--runs", type=_runs, help="runs of each scenario")
    parser.add_argument(
        "--authenticated",
        action="store_true",
        help="measure the hub of S1 to S5 and S7 twice, in turns: without and with authentication",
    )
    parser.add_argument("--only", nargs="+", choices=SCENARIOS, default=list(SCENARIOS), help="scenarios")
    options = parser.parse_args()
    scale = QUICK if options.quick else FULL
    if options.runs is not None:
        scale = scale.with_runs(options.runs)
    if options.authenticated:
        scale = scale.with_authentication()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, _terminate)
    options.out.mkdir(parents=True, exist_ok=True)
    heading = _heading(scale, options.only, quick=options.quick)
    figures, failed, text = Figures(), list[str](), ""
    for name in options.only:
        started = time.monotonic()
        try:
            SCENARIOS[name](scale, figures)
        except Exception as error:  # noqa: BLE001 - what the others show is worth having whatever it is
            failed.append(f"- **failed**: {name}: {type(error).__name__}: {error}\n")
            print(f"{name}: failed: {error!r}", file=sys.stderr, flush=True)
        else:
            print(f"{name}: measured in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        # What is asked holds for the full numbers; beside others it would only mislead.
        judged = "" if options.quick else figures.judged() + "\n"
        text = f"{heading}{''.join(failed)}\n{judged}{figures.measured(*_ratios(scale))}"
        (options.out / "figures.md").write_text(text)
    print(text)
    for path in plots.draw(figures, scale, options.out):
        print(f"drawn: {path}", file=sys.stderr)
    if failed:
        sys.exit(1)


def _runs(text: str) -> int:
    runs = int(text)
    if runs < 1:
        raise argparse.ArgumentTypeError("at least one run is needed")
    return runs


def _ratios(scale: Scale) -> list[tuple[str, str]]:
    """Return who is to be compared in the table: the hub with authentication to the same without."""
    return [(servers.AUTHENTICATED, servers.HUB)] if servers.AUTHENTICATED in scale.hubs else []


def _terminate(_number: int, _frame: object) -> Never:
    """End like Ctrl-C does: with every server that was started."""
    sys.exit(128 + signal.SIGTERM)


def _heading(scale: Scale, only: Sequence[str], *, quick: bool) -> str:
    load = ", ".join(f"{average:.2f}" for average in os.getloadavg())
    lines = [
        f"- begun: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, at a load average of {load} (1, 5, 15 minutes)",
        *(f"- {name}: {text}" for name, text in machine.describe()),
    ]
    peers = ", ".join(servers.available())
    lines.append(f"- peers: {peers} ({nchan.version() or 'nchan is not installed'})")
    runs = f"{counted(scale.runs, 'interleaved run')}, but one of S3 and growth"
    lines.append(f"- load: {scale.streams:,} streams, messages of 100 bytes, {runs}")
    lines.append(f"- limits of the hub that are raised, as all of the load comes from one address: {servers.limits()}")
    if servers.AUTHENTICATED in scale.hubs:
        lines.append(f"- with authentication: {tokens.described()}")
    if any(name.startswith(at_brokers.NAME) for name in only):
        lines += [f"- {name}: {text}" for name, text in brokers.described()]
    if quick:
        lines.append("- a quick run, which shows that everything works: its figures mean little")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
