"""Writes what follows from the Helm chart and from the table of settings.

``python -m tests.deploy.chart`` writes the names of the settings into values.schema.json, copies the rules of
deploy/prometheus into the chart, and writes, after a change of the chart, which needs Helm 3 in the PATH, the plain
manifests of deploy/kubernetes, and the digests by which a test without Helm sees that they belong together.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]

from sse_signals.settings import Settings, variable

ROOT: Final = Path(__file__).parents[2]
CHART: Final = ROOT / "deploy/helm/sse-signals"
MANIFESTS: Final = ROOT / "deploy/kubernetes"
DIGESTS: Final = MANIFESTS / "chart.sha256"
SCHEMA: Final = CHART / "values.schema.json"
README: Final = CHART / "README.md"
# Helm reads nothing outside of the chart.
RULES: Final = ROOT / "deploy/prometheus/rules.yaml"
COPY: Final = CHART / "rules.yaml"
KUBERNETES: Final = "1.37"
# What the chart sets by itself, so that probes, the drain and the image fit together.
ITS_OWN: Final = frozenset({"host", "port", "metrics_host", "metrics_port", "drain_delay", "drain_window"})
_CHECKED: Final = {
    # The chart builds paths with it: the hub's own rule, as far as the chart depends on it.
    "SIGNALS_PREFIX": {"type": "string", "pattern": "^(/[A-Za-z0-9._~-]+)+$"},
    "SIGNALS_SECRET": {"type": "string", "pattern": "^@/"},
    "SIGNALS_JWT_SECRET": {"type": "string", "pattern": "^@/"},
    "SIGNALS_BROKER": {"type": "string", "pattern": "^[^@]*$"},
}
# Of OpenTelemetry, where SIGNALS_TRACING is on; what authenticates to a collector is a secret.
_OF_OTHERS: Final = {"^OTEL_[A-Z0-9_]+$": {"type": "string"}, "^OTEL_.*HEADERS$": {"not": {}}}
_SMALL: Final = re.compile(r"(?<=: )[\[{]\n[^\[\]{}]*[\]}]")
_OF_HELM: Final = re.compile(
    r"^# Source: .*\n|^ *(?:app\.kubernetes\.io/managed-by|helm\.sh/chart): .*\n", re.MULTILINE
)


def schema() -> dict[str, Any]:
    """Return values.schema.json as it should be: the settings that there are, and what some of them may not be."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text())
    texts = {variable(field.name): {"type": "string"} for field in fields(Settings) if field.name not in ITS_OWN}
    found["properties"]["settings"]["properties"] = texts | _CHECKED
    found["properties"]["settings"]["patternProperties"] = _OF_OTHERS
    return found


def refused(values: dict[str, Any]) -> list[str]:
    """Return what Helm would say against values: where, and what."""
    found = jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).iter_errors(values)
    return [f"{each.json_path}: {each.message}" for each in found]


def as_text(value: dict[str, Any]) -> str:
    """Return an object as JSON for people: what is small stands in one line."""
    text = json.dumps(value, indent=2) + "\n"
    while (folded := _SMALL.sub(_folded, text)) != text:
        text = folded
    return text


def _folded(match: re.Match[str]) -> str:
    line = " ".join(match[0].split())
    return re.sub(r"(?<=[\[{]) | (?=[\]}])", "", line) if len(line) < 90 else match[0]


def helm() -> str | None:
    """Return where Helm is, if it is there."""
    return shutil.which("helm")


def rendered(*arguments: str, chart: Path = CHART) -> dict[str, str]:
    """Return what Helm makes of a chart, without what only Helm wants to know, by the name of the template."""
    command = [
        *(str(helm()), "template", "sse-signals", str(chart), "--namespace", "signals", "--kube-version", KUBERNETES),
        *arguments,
    ]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = {}
    for part in text.split("---\n")[1:]:
        [name] = re.findall(r"^# Source: .*/(.*)$", part, re.MULTILINE)
        found[name] = _OF_HELM.sub("", part)
    return found


def plain() -> dict[str, str]:
    """Return the plain manifests by their paths: those of the chart's own values, and the route of the Gateway API."""
    route = rendered("--set", "route.enabled=true")["httproute.yaml"]
    return rendered() | {"gateway/httproute.yaml": route}


def digests() -> str:
    """Return the digests of the chart and of the manifests, as sha256sum writes them and can check them."""
    templates = [path for path in sorted(CHART.rglob("*")) if path.is_file() and path not in {SCHEMA, README}]
    places = [place / path.name for path in templates for place in (MANIFESTS, MANIFESTS / "gateway")]
    written = [path for path in places if path.is_file()]
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT)}\n" for path in templates + written
    )


def main() -> None:
    """Write the files."""
    SCHEMA.write_text(as_text(schema()))
    COPY.write_text(RULES.read_text())
    if helm() is None:
        sys.exit(0 if DIGESTS.read_text() == digests() else "The chart has changed, and manifests are made by Helm 3.")
    for name, text in plain().items():
        (MANIFESTS / name).write_text(text)
    DIGESTS.write_text(digests())


if __name__ == "__main__":
    main()
