"""What of the Backstage kit can be checked without Node.js; the rest is checked by deploy/backstage/test."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest

from sse_signals.auth import rules_file
from tests.pages import Block, claimed

KIT = Path(__file__).parents[1] / "deploy" / "backstage"
PACKAGES = ("signals-hub", "signals-hub-node")
STEPS = claimed(
    "deploy/backstage/README.md",
    "From nothing to a signal",
    not_run="It needs a Backstage app of 750 MB; deploy/backstage/test runs both packages in one.",
)
HOOKS = claimed(
    "deploy/backstage/README.md",
    "Hooks",
    not_run="They live in a component of a Backstage app; deploy/backstage/test runs them in apps of both systems.",
)
claimed(
    "deploy/backstage/README.md",
    "Tests",
    not_run="It fetches 750 MB and takes minutes; it is what runs this page.",
)
RULES = claimed("deploy/backstage/README.md", "What publishers may expect", "toml")


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


@pytest.mark.parametrize("block", [block for block in [*STEPS, *HOOKS] if block.language in {"ts", "tsx"}])
def test_what_the_page_imports_is_there(block: Block) -> None:
    """Names that the page takes from our packages are exported by them, and those packages are in the folder."""
    names = {json.loads((KIT / name / "package.json").read_text())["name"]: KIT / name for name in PACKAGES}
    for imported, module in re.findall(r"^import (.+?) from '(@sse-signals/[^']+)'", block.code, re.MULTILINE):
        package = next(name for name in names if module.startswith(name))
        entry = module.removeprefix(package).removeprefix("/") or "index"
        exported = (names[package] / "src" / f"{entry}.ts").read_text(encoding="utf-8")
        wanted = re.findall(r"\w+", imported) if imported.startswith("{") else ["default"]
        assert all(re.search(rf"export (?:default\b.*|.*\b{name}\b)", exported) for name in wanted), module
    for module in re.findall(r"import\('(@sse-signals/[^']+)'\)", block.code):
        assert "as default" in (names[module] / "src/index.ts").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [block for block in STEPS if block.language == "yaml"])
def test_the_configuration_is_what_the_packages_read(block: Block) -> None:
    """Keys of the page are declared by both packages."""
    for key in re.findall(r"^ *(\w+):", block.code, re.MULTILINE):
        assert all(re.search(rf"\b{key}\b", (KIT / name / "config.d.ts").read_text()) for name in PACKAGES)


@pytest.mark.parametrize("block", [block for block in [*STEPS] if block.language == "sh"])
def test_the_commands_are_shell(block: Block) -> None:
    """They can be read by a shell, which runs none of them."""
    bash = shutil.which("bash")
    assert bash is not None
    subprocess.run([bash, "-n"], input=block.code, check=True, text=True, capture_output=True)


def test_the_rule_of_the_page(tmp_path: Path) -> None:
    """It is one, for the plugin that the page names."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES[0].code)
    path.chmod(0o600)
    (rule,) = rules_file.load(path).rules.rules
    assert "plugin:scaffolder" in str(rule)
