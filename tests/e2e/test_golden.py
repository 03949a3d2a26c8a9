"""Every client through every case, compared with the table that `deploy/CLIENTS.md` shows."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from tests.e2e.case_world import SHORT, WAITS, YES, World
from tests.e2e.cases import CASES, play
from tests.e2e.clients import BROWSER, HOSTS, NODE, NODE_IS_READY, PACKAGES
from tests.e2e.conftest import client_param
from tests.e2e.document import recipes, section, table
from tests.e2e.inbox import DEADLINE
from tests.e2e.recipe_pages import in_page, recipe_pages

if TYPE_CHECKING:
    import aiohttp

    from tests.conftest import StartHub

NAMES = (*BROWSER, *HOSTS)


def documented() -> dict[str, dict[str, str]]:
    """Return the table: outcomes by client and case."""
    head, *rows = table("What works")
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


@pytest.mark.usefixtures("short_delays")
@pytest.mark.parametrize("name", [client_param(name) for name in NAMES])
async def test_golden(start_hub: StartHub, http: aiohttp.ClientSession, name: str) -> None:
    """With its recipe each client does in each case what the document says, neither worse nor better."""
    expected = documented()[name]
    async with recipe_pages() as origin, in_page(name, origin) if name in BROWSER else HOSTS[name]() as listen:
        world = World(
            start_hub,
            http,
            listen,
            origin,
            has_token="token" in recipes()[name].code,
            patience=SHORT if expected["silence"] == WAITS else DEADLINE,
        )
        outcomes = await asyncio.gather(*(play(world, case) for case in CASES.values()))
    assert dict(zip(CASES, outcomes, strict=True)) == expected


def test_the_document_is_complete() -> None:
    """Every client has a row and a recipe, every case a column and an explanation, every exception a reason."""
    rows = documented()
    assert sorted(rows) == sorted(recipes()) == sorted(NAMES)
    assert all(list(row) == list(CASES) for row in rows.values())
    explained = [line.split("**")[1] for line in section("What works").split("\n") if line.startswith("- **")]
    said = {outcome for row in rows.values() for outcome in row.values()} - {YES}
    assert sorted(explained) == sorted([*CASES, *said])


def test_the_versions_are_not_ahead() -> None:
    """The document names versions that are there, or were before those that are there."""
    _, *rows = table("Versions")
    own = {"client.js", "SignalsClient", "SyncSignalsClient"}
    assert sorted(row[0] for row in rows) == sorted({*NAMES} - own)
    for client, named, where in rows:
        if where == "Python":
            assert _numbers(version(client)) >= _numbers(named)
        elif client in NODE and NODE_IS_READY:
            package = PACKAGES.parent / "node_modules" / client.removeprefix("npm ") / "package.json"
            assert _numbers(json.loads(package.read_text())["version"]) >= _numbers(named)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(".")]
