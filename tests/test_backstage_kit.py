"""What of the Backstage kit can be checked without Node.js; the rest is checked by deploy/backstage/test."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

KIT = Path(__file__).parents[1] / "deploy" / "backstage"
PACKAGES = ("signals-hub", "signals-hub-node")


def test_copy_of_the_browser_module() -> None:
    """The front-end package has the browser module that the hub serves."""
    for path, text in runpy.run_path(str(KIT / "update_client.py"))["files"]().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old: run deploy/backstage/update_client.py"


@pytest.mark.parametrize("name", PACKAGES)
def test_package(name: str) -> None:
    """A package says what Backstage's tools want to know of it, and all files that it names are there."""
    package = json.loads((KIT / name / "package.json").read_text(encoding="utf-8"))
    assert package["license"] == "Apache-2.0"
    assert package["backstage"]["role"] in {"frontend-plugin", "node-library"}
    assert package["backstage"]["pluginId"] == "signals-hub"
    assert {json.loads((KIT / other / "package.json").read_text())["name"] for other in PACKAGES} == set(
        package["backstage"]["pluginPackages"]
    )
    for path in (package["main"], package["types"], package["configSchema"], *package["exports"].values()):
        assert (KIT / name / path).is_file(), path
