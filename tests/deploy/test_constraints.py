"""deploy/constraints.txt fits pyproject.toml, misses nothing, and pins everything by version and hash."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy import constraints

LINE: Final = re.compile(r"^([a-z0-9.-]+)==(\S+) \\$")


def pins() -> dict[str, str]:
    """Return the version of each package."""
    lines = map(LINE.match, constraints.FILE.read_text().splitlines())
    return {found[1]: found[2] for found in lines if found is not None}


def needs(requirement: Requirement, seen: set[str]) -> list[Requirement]:
    """Return a requirement and all that follows from it here; extras of a package count each for itself."""
    key = f"{canonicalize_name(requirement.name)}[{','.join(sorted(requirement.extras))}]"
    if key in seen:
        return [requirement]
    seen.add(key)
    try:
        below = [Requirement(text) for text in requires(requirement.name) or ()]
    except PackageNotFoundError:
        assert requirement.name in constraints.EARLY  # which this Python does not need
        below = []
    extras = requirement.extras or {""}
    wanted = [each for each in below if not each.marker or any(each.marker.evaluate({"extra": e}) for e in extras)]
    return [requirement, *(found for each in wanted for found in needs(each, seen))]


def test_nothing_is_missing_and_all_fit() -> None:
    """Each package that the hub needs, directly or not, is pinned to a version that whoever needs it allows."""
    pinned, seen = pins(), set[str]()
    wanted = [found for text in constraints.needed() for found in needs(Requirement(text), seen)]
    assert {canonicalize_name(each.name) for each in wanted} <= set(pinned)
    misfits = [str(each) for each in wanted if pinned[canonicalize_name(each.name)] not in each.specifier]
    assert misfits == []


def test_everything_is_verified() -> None:
    """Each line pins one version, and hashes follow it: pip takes nothing else."""
    head = constraints.HEAD.format(
        extras=", ".join(constraints.EXTRAS),
        pythons=", ".join(constraints.PYTHONS),
        machines=" and ".join(constraints.MACHINES),
    )
    text = constraints.FILE.read_text()
    assert text.startswith(head), "run: python -m tests.deploy.constraints"
    assert re.fullmatch(r"(?:[a-z0-9.-]+==\S+(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n)+", text.removeprefix(head))


def test_how_it_is_written() -> None:
    """What pip says for several machines becomes one line each, and different versions are no lock."""

    def report(version: str, digest: str) -> list[dict[str, object]]:
        archive = {"archive_info": {"hashes": {"sha256": digest}}}
        return [{"metadata": {"name": "Typing_Extensions", "version": version}, "download_info": archive}]

    text = constraints.written([report("4.1", "bb"), report("4.1", "aa"), report("4.1", "bb")])
    assert text.endswith("\ntyping-extensions==4.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")
    with pytest.raises(ValueError, match=r"typing-extensions would be 4.1 here and 4.2 there"):
        constraints.written([report("4.1", "aa"), report("4.2", "bb")])
