"""`deploy/CLIENTS.md` as tests read it: its tables, and the recipes, which are run as they stand there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.pages import ROOT, claimed

TEXT = (ROOT / "deploy" / "CLIENTS.md").read_text()
_RECIPES = (
    *claimed("deploy/CLIENTS.md", "*", "python", "bash"),
    *claimed("deploy/CLIENTS.md", "client.js"),
    *claimed("deploy/CLIENTS.md", "EventSource"),
    *claimed("deploy/CLIENTS.md", "reconnecting-eventsource"),
    *claimed("deploy/CLIENTS.md", "@microsoft/fetch-event-source"),
    *claimed("deploy/CLIENTS.md", "npm eventsource"),
)
_ROW = re.compile(r"^\| (.*) \|$", re.M)


@dataclass(frozen=True)
class Recipe:
    """How to listen with one client: code that defines ``listen``."""

    language: str
    code: str


def recipes() -> dict[str, Recipe]:
    """Return the recipes by the client's name."""
    return {block.heading: Recipe(block.language, block.code) for block in _RECIPES}


def section(heading: str) -> str:
    """Return what stands under a heading."""
    return re.split(rf"^## {re.escape(heading)}$", TEXT, flags=re.M)[1].split("\n## ")[0]


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, its head first."""
    return [[cell.strip() for cell in row.split(" | ")] for row in _ROW.findall(section(heading))]
