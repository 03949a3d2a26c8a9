"""What the files of deploy/ say: the Dockerfile's instructions, Compose's services, and the units' options."""

from __future__ import annotations

import json
import math
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from sse_signals.settings import Settings

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
UNIT: Final = DEPLOY / "systemd/sse-signals.service"


def from_yaml(text: str) -> Any:
    """Return what a text in YAML says."""
    return yaml.safe_load(text)


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile and what stands behind each."""
    text = re.sub(r"^ *#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    found = [line.partition(" ")[::2] for line in lines if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in found]


def last_stage() -> list[tuple[str, str]]:
    """Return the instructions of the image itself, without those of what builds it."""
    found = instructions()
    begins = max(number for number, (word, _) in enumerate(found) if word == "FROM")
    return found[begins:]


def image_environment() -> dict[str, str]:
    """Return the variables that the image sets."""
    texts = [rest for word, rest in last_stage() if word == "ENV"]
    return dict(each.partition("=")[::2] for text in texts for each in shlex.split(text))


def health_check() -> list[str]:
    """Return the words of the image's health check."""
    [text] = [rest for word, rest in last_stage() if word == "HEALTHCHECK"]
    words: list[str] = json.loads(text.partition("CMD ")[2])
    return words


def let_in(path: str) -> bool:
    """Say whether .dockerignore lets a path into the build; the last line that fits it or a folder above counts."""
    allowed = True
    parts = path.split("/")
    above = ["/".join(parts[: number + 1]) for number in range(len(parts))]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line and not line.startswith("#") and any(fnmatch(each, pattern) for each in (*above, *parts)):
            allowed = line.startswith("!")
    return allowed


def services(name: str) -> dict[str, dict[str, Any]]:
    """Return the services of a Compose file, with what they extend."""
    found = from_yaml((DEPLOY / name).read_text())
    return {service: _whole(options) for service, options in found["services"].items()}


def _whole(options: dict[str, Any]) -> dict[str, Any]:
    if "extends" not in options:
        return options
    below = services(options["extends"]["file"])[options["extends"]["service"]]
    environment = below.get("environment", {}) | options.get("environment", {})
    return below | {key: value for key, value in options.items() if key != "extends"} | {"environment": environment}


def manifests(*names: str) -> dict[str, dict[str, Any]]:
    """Return objects of Kubernetes by their kind."""
    found = [from_yaml((DEPLOY / "kubernetes" / f"{name}.yaml").read_text()) for name in names]
    return {each["kind"]: each for each in found}


def unit(section: str, path: Path = UNIT) -> list[tuple[str, str]]:
    """Return the options of a section of a unit, in their order."""
    text = path.read_text().partition(f"[{section}]\n")[2].partition("\n[")[0]
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [line.partition("=")[::2] for line in lines]


def rest(settings: Settings) -> int:
    """Return how many seconds a node may need to end besides its drain: a busy core ends 500 streams in one."""
    return 15 + math.ceil(settings.max_streams / 500)


def seconds(text: str) -> int:
    """Return how many seconds a text such as ``50s`` or ``90`` is."""
    return int(text.removesuffix("s"))
