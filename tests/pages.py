"""The Markdown pages of the project as tests read them: their code blocks, and which test module runs which of them.

A test module takes the blocks that it runs by `claimed` or `each_claimed`, with literal arguments:
``claimed("deploy/OPERATING.md", "Drain")``. `tests.test_documents` looks for these calls in all test modules, and
fails for a block that nobody claims.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[1]
EVERYWHERE: Final = "*"
_NOT_OURS: Final = frozenset({"node_modules", ".venv", ".git", "build", "results"})
_HEADING: Final = re.compile(r"^#{1,6} +(.*?) *$")
_FENCE: Final = re.compile(r"^ *(`{3,})(\w*)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of code.

    Attributes:
        page: The path of its page from the project's root.
        heading: What stands behind the ``#`` of the nearest heading above it.
        language: The word after the fence; ``text`` where there is none.
        code: What is between the fences, without the indentation of the fence.
        line: The number of the line of its fence.
    """

    page: str
    heading: str
    language: str
    code: str
    line: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What one call of `claimed` says."""

    module: str
    page: str
    heading: str
    languages: tuple[str, ...]
    not_run: str | None

    def holds(self, block: Block) -> bool:
        """Say whether a block is among those claimed."""
        return (
            block.page == self.page
            and self.heading in {EVERYWHERE, block.heading}
            and (not self.languages or block.language in self.languages)
        )


def claimed(page: str, heading: str, *languages: str, not_run: str | None = None) -> list[Block]:
    """Return the blocks that stand directly under a heading, which the calling test module runs or checks.

    All arguments have to be literals, since claims are found by reading the source of test modules.

    Args:
        page: The path of the page from the project's root, such as ``deploy/OPERATING.md``.
        heading: The text of the heading without ``#``; ``*`` is the whole page.
        languages: Only blocks in these; none means all. A block without a word after its fence is ``text``.
        not_run: Why it cannot be run here, in a sentence, where the module only checks what the blocks name.

    Raises:
        LookupError: There is no such block.
    """
    return _taken(Claim("", page, heading, languages, not_run))


def each_claimed(page: str, *headings: str) -> list[list[Block]]:
    """Return the blocks under each of some headings of a page, as `claimed` returns those under one."""
    return [_taken(Claim("", page, heading, (), None)) for heading in headings]


def _taken(claim: Claim) -> list[Block]:
    found = [block for block in blocks(claim.page) if claim.holds(block)]
    if not found:
        languages = ", ".join(claim.languages) or "any language"
        message = f"{claim.page} has no block in {languages} under {claim.heading!r}."
        raise LookupError(message)
    return found


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """Return all blocks of a page in their order."""
    return tuple(_blocks(page, (ROOT / page).read_text(encoding="utf-8")))


def _blocks(page: str, text: str) -> Iterator[Block]:
    heading, fence, language, begun, indent = "", "", "", 0, 0
    code: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        found = _FENCE.match(line)
        if fence and line.strip() == fence:
            yield Block(page, heading, language or "text", "".join(code), begun)
            fence = ""
        elif fence:
            code.append(f"{line[indent:] if not line[:indent].strip() else line}\n")
        elif found:
            fence, language = found[1], found[2]
            begun, indent, code = number, len(line) - len(line.lstrip()), []
        elif title := _HEADING.match(line):
            heading = title[1]


def section(page: str, heading: str) -> str:
    """Return what stands under a heading of a page, up to the next heading of any level; code is no heading."""
    kept, within, fenced = [], False, False
    for line in (ROOT / page).read_text(encoding="utf-8").split("\n"):
        fenced ^= _FENCE.match(line) is not None
        title = None if fenced else _HEADING.match(line)
        if title:
            within = title[1] == heading
        elif within:
            kept.append(line)
    return "\n".join(kept)


def pages() -> list[str]:
    """Return the paths of all Markdown pages that are ours, from the project's root."""
    found = []
    for folder, within, files in os.walk(ROOT):
        within[:] = [name for name in within if name not in _NOT_OURS and not name.startswith(".")]
        found += [str((Path(folder) / name).relative_to(ROOT)) for name in files if name.endswith(".md")]
    return sorted(found)


def claims() -> list[Claim]:
    """Return what all test modules claim, read from their source."""
    found: list[Claim] = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        relative = path.relative_to(ROOT)
        if _NOT_OURS.isdisjoint(relative.parts) and "claimed(" in (source := path.read_text(encoding="utf-8")):
            found += _claims(str(relative), ast.parse(source))
    return found


def _claims(module: str, tree: ast.Module) -> Iterator[Claim]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "claimed":
            page, heading, *languages = map(ast.literal_eval, node.args)
            named = {word.arg: ast.literal_eval(word.value) for word in node.keywords}
            yield Claim(module, page, heading, tuple(languages), named.get("not_run"))
        elif node.func.id == "each_claimed":
            page, *headings = map(ast.literal_eval, node.args)
            yield from (Claim(module, page, heading, (), None) for heading in headings)
