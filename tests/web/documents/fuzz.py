"""Schemathesis against a hub: it sends what the OpenAPI document allows and forbids, and compares the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.web.documents.hooks import NDJSON

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_ITEMS = 100
DEADLINE = 900.0  # seconds of one run
HOOKS = Path(__file__).with_name("hooks.py")


@dataclass(frozen=True)
class Verdict:
    """What a run has found.

    Attributes:
        status: The exit status of the command; 0 for nothing.
        text: What it says.
        requests: How many requests it sent.
        checks: How often it made each check.
    """

    status: int
    text: str
    requests: int
    checks: Counter[str]


def prepared(document: dict[str, Any], *, authenticated: bool) -> dict[str, Any]:
    """Return a document that says what schemathesis cannot know, and no more than a test may ask for.

    - Nobody generates an Origin that the hub knows, so it would refuse everything.
    - What OpenAPI 3.1 has no words for: JSON lines are a list. Their three names mean the same, and one will do.
    - Answers hold only what the document names, although clients have to be ready for more.
    - With authentication nobody gets in with nothing; without, nobody has to show anything.
    """
    made: dict[str, Any] = json.loads(json.dumps(document))
    for methods in made["paths"].values():
        for operation in methods.values():
            operation["parameters"] = [each for each in operation["parameters"] if not each["$ref"].endswith("/Origin")]
            operation["security"] = [each for each in operation["security"] if each] if authenticated else []
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                _prepare(holder.get("content", {}))
    for answer in made["components"]["responses"].values():
        _prepare(answer.get("content", {}))
    for name, schema in made["components"]["schemas"].items():
        _shorten(schema)
        _close(schema, itself=name != "Problem")
    return made


def _prepare(content: dict[str, Any]) -> None:
    for other in NDJSON[1:]:
        content.pop(other, None)
    for media_type, held in content.items():
        if media_type in NDJSON:
            held["schema"] = {"type": "array", "minItems": 1, "items": held["schema"]}
        if "allOf" in held["schema"]:
            held["schema"]["unevaluatedProperties"] = False


def _shorten(schema: Any) -> None:
    """Ask for no array that is long because it may be: each takes a second to make, and other tests have them."""
    if isinstance(schema, dict):
        if schema.get("maxItems", 0) > MOST_ITEMS:
            del schema["maxItems"]
        for child in schema.values():
            _shorten(child)
    elif isinstance(schema, list):
        for child in schema:
            _shorten(child)


def _close(schema: Any, *, itself: bool = True) -> None:
    """Let no object have members that its schema does not name."""
    if isinstance(schema, dict):
        for child in schema.values():
            _close(child)
        if itself and schema.get("type") == "object" and "properties" in schema:
            schema.setdefault("additionalProperties", False)
    elif isinstance(schema, list):
        for child in schema:
            _close(child)


def run(
    document: dict[str, Any],
    url: str,
    folder: Path,
    *options: str,
    examples: int,
    seed: int | None = None,
    token: str | None = None,
    stream: str | None = None,
    without: Sequence[str] = (),
) -> Verdict:
    """Run schemathesis in a process of its own, with all of its checks; it blocks until that has ended.

    Args:
        document: The document, prepared.
        url: Where the hub is, with its prefix.
        folder: Where the run may leave files.
        options: Further options of the command.
        examples: Generated requests for each operation, besides those that cover it.
        seed: What to draw from; without one, each run is the same.
        token: A bearer token.
        stream: The name of an open stream of the token's subject.
        without: Checks that are left out.
    """
    (folder / "openapi.json").write_text(json.dumps(document))
    settings = {
        "hooks": json.dumps(str(HOOKS)),
        "request-timeout": "10.0",
        "continue-on-failure": "true",
        "generation.deterministic": "false" if seed is not None else "true",
        "generation.max-examples": str(examples),
        "generation.database": '"none"',
        "cache.enabled": "false",
        **{f"checks.{check}.enabled": "false" for check in without},
    }
    if stream is not None:
        settings['parameters."path.stream"'] = json.dumps(stream)
    if token is not None:
        settings["auth.openapi.bearer.bearer"] = '"${TOKEN}"'
    (folder / "schemathesis.toml").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    report = folder / "report.ndjson"
    process = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(folder / "schemathesis.toml")),
            *("run", str(folder / "openapi.json"), "--url", url, "--no-color", "--report-ndjson-path", str(report)),
            *(() if seed is None else ("--seed", str(seed))),
            *options,
        ],
        cwd=folder,
        env={**os.environ, "TOKEN": token or ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return Verdict(process.returncode, process.stdout, *_counted(report))


def _counted(report: Path) -> tuple[int, Counter[str]]:
    """Return how many requests were sent, and how often each check was made."""
    requests, checks = 0, Counter[str]()
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        requests += len(recorder.get("cases", {}))
        checks.update(check["name"] for made in recorder.get("checks", {}).values() for check in made)
    return requests, checks
