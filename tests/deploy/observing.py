"""What is there to observe hubs with: the rules, the dashboard and the runbooks, as tests read them."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from sse_signals.metrics.catalogue import SERIES
from tests.deploy.files import DEPLOY, from_yaml

FOLDER: Final = DEPLOY / "prometheus"
BOOK: Final = (DEPLOY / "RUNBOOKS.md").read_text(encoding="utf-8")
DASHBOARD: Final = json.loads((DEPLOY / "grafana/sse-signals.json").read_text(encoding="utf-8"))
PANELS: Final[list[dict[str, Any]]] = DASHBOARD["panels"]
DRAWN: Final = [panel for panel in PANELS if panel["type"] != "row"]
RULES: Final = [rule for group in from_yaml((FOLDER / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
ALERTS: Final = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDED: Final = {rule["record"]: rule for rule in RULES if "record" in rule}
BASE: Final = "https://docs.example.com/RUNBOOKS.md"
OURS: Final = {series.full_name for series in SERIES}
# Of prometheus_client and of Prometheus itself.
OTHERS: Final = {"up", "ALERTS", "process_start_time_seconds", "process_open_fds", "process_max_fds"} | {
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "python_gc_collections_total",
}
UNITS: Final = {"none", "short", "percentunit", "s", "ops", "reqps", "Bps", "bytes"}  # of Grafana
NAME: Final = re.compile(r"\b(?:(?:instance|job):sse_signals_[a-z_0-9:]+|(?:sse_signals|process|python)_[a-z_]+)")
VARIABLES: Final = {"$job": "sse_signals", "$instance": ".*", "$worker": ".*", "$__rate_interval": "1m"}


def queries() -> list[str]:
    """Return what the dashboard asks."""
    return [target["expr"] for panel in DRAWN for target in panel["targets"]]


def filled_in(query: str) -> str:
    """Return a query as Grafana asks it."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def names(query: str) -> set[str]:
    """Return the series that a query names."""
    found = NAME.findall(re.sub(r'"[^"]*"', "", query))
    return {re.sub(r"(_seconds|_events)_(bucket|sum|count)$", r"\1", name) for name in found}
