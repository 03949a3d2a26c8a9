"""`deploy/CLIENTS.md` as tests read it: its tables, and the recipes, which are run as they stand there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "deploy" / "CLIENTS.md").read_text()
_RECIPE = re.compile(r"^### (?P<name>.*)\n(?:(?!^#|^```).*\n)*```(?P<language>\w+)\n(?P<code>(?s:.*?))^```", re.M)
_ROW = re.compile(r"^\| (.*) \|$", re.M)


@dataclass(frozen=True)
class Recipe:
    """How to listen with one client: code that defines ``listen``."""

    language: str
    code: str


def recipes() -> dict[str, Recipe]:
    """Return the recipes by the client's name."""
    return {match["name"]: Recipe(match["language"], match["code"]) for match in _RECIPE.finditer(TEXT)}


def section(heading: str) -> str:
    """Return what stands under a heading."""
    return re.split(rf"^## {re.escape(heading)}$", TEXT, flags=re.M)[1].split("\n## ")[0]


def table(heading: str) -> list[list[str]]:
    """Return the cells of the table under a heading, its head first."""
    return [[cell.strip() for cell in row.split(" | ")] for row in _ROW.findall(section(heading))]
