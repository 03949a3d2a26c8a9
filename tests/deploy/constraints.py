"""Writes deploy/constraints.txt anew: what the hub needs, each at one version and with the hashes of its wheels.

``python -m tests.deploy.constraints`` asks the package index for a fresh choice of the newest versions that fit
pyproject.toml, for the Pythons and machines that images are built for. Nothing is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FILE: Final = ROOT / "deploy/constraints.txt"
EXTRAS: Final = ("redis", "nats", "otel")
# What redis needs before Python 3.11.3, as on Debian 12: pip asks the Python that it runs on for that.
EARLY: Final = ("async-timeout",)
PYTHONS: Final = ("3.11", "3.12", "3.13")
MACHINES: Final = ("x86_64", "aarch64")
LIBRARIES: Final = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
HEAD: Final = """\
# What the hub runs on, with the extras {extras}, and what builds its wheel (setuptools): one version each, and the
# hashes of the wheels for Python {pythons} on {machines}.
# Written by: python -m tests.deploy.constraints
# Installed by: pip install --no-deps --require-hashes --only-binary :all: -r deploy/constraints.txt
"""


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def needed() -> list[str]:
    """Return what pyproject.toml asks for: the hub, its extras, and what builds it."""
    found = project()
    extras = found["project"]["optional-dependencies"]
    return [
        *found["build-system"]["requires"],
        *found["project"]["dependencies"],
        *(each for extra in EXTRAS for each in extras[extra]),
        *EARLY,
    ]


def chosen(python: str, machine: str, wanted: list[str]) -> list[dict[str, Any]]:
    """Return what pip would install for a Python on a machine."""
    platforms = [part for library in LIBRARIES for part in ("--platform", f"{library}_{machine}")]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--report", "-"),
            *("--only-binary", ":all:", "--python-version", python, "--target", folder, *platforms, *wanted),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    report: list[dict[str, Any]] = json.loads(done.stdout)["install"]
    return report


def written(reports: list[list[dict[str, Any]]]) -> str:
    """Return the text of the file.

    Raises:
        ValueError: A package has different versions for different Pythons or machines.
    """
    versions: dict[str, str] = {}
    hashes: dict[str, set[str]] = {}
    for found in (each for report in reports for each in report):
        name, version = found["metadata"]["name"].lower().replace("_", "-"), found["metadata"]["version"]
        if versions.setdefault(name, version) != version:
            raise ValueError(f"{name} would be {versions[name]} here and {version} there")
        hashes.setdefault(name, set()).add(found["download_info"]["archive_info"]["hashes"]["sha256"])
    head = HEAD.format(extras=", ".join(EXTRAS), pythons=", ".join(PYTHONS), machines=" and ".join(MACHINES))
    lines = [
        " \\\n    ".join([f"{name}=={versions[name]}", *(f"--hash=sha256:{each}" for each in sorted(hashes[name]))])
        for name in sorted(versions)
    ]
    return head + "\n".join(lines) + "\n"


def main() -> None:
    """Write the file; what fits every Python and machine is what fits the first of them."""
    first = chosen(PYTHONS[0], MACHINES[0], needed())
    pins = [f"{each['metadata']['name']}=={each['metadata']['version']}" for each in first]
    others = [(python, machine) for python in PYTHONS for machine in MACHINES][1:]
    FILE.write_text(written([first, *(chosen(*each, [*needed(), *pins]) for each in others)]))


if __name__ == "__main__":
    main()
