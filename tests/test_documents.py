"""The pages hold together: each code block is run by a test; links, anchors, pictures and settings are right."""

from __future__ import annotations

import os
import re
from collections import Counter
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from tests import settings_table
from tests.named import missing
from tests.pages import ROOT, Block, Claim, blocks, claims, pages, section
from tests.pages import claimed as take  # under another name, since this is no claim

if TYPE_CHECKING:
    from collections.abc import Iterable

LINK = re.compile(r"\]\(([^()\s]+)\)|<img\b[^>]*?\bsrc=\"([^\"]+)\"")
CODE = re.compile(r"^( *)(`{3,}).*?^\1\2 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def where(block: Block) -> str:
    """Return where a block stands, as editors know it."""
    return f"{block.page}:{block.line} ({block.heading}, {block.language})"


def unclaimed(of: Iterable[Block], by: list[Claim]) -> list[str]:
    """Return where those blocks stand that nobody claims."""
    return [where(block) for block in of if not any(claim.holds(block) for claim in by)]


def every_block() -> list[Block]:
    """Return the blocks of all pages."""
    return [block for page in pages() for block in blocks(page)]


def test_every_block_is_run_by_some_test() -> None:
    """A block that no test module claims is one that may be wrong."""
    assert unclaimed(every_block(), claims()) == []


def test_a_block_that_nobody_runs_is_seen() -> None:
    """Whatever language, heading or page a claim leaves out is told."""
    one = Block("a.md", "Try", "sh", "true\n", 3)
    other = Block("a.md", "Try", "python", "1\n", 9)
    assert unclaimed([one, other], [Claim("m", "a.md", "Try", ("sh",), None)]) == ["a.md:9 (Try, python)"]
    assert unclaimed([one, other], [Claim("m", "a.md", "*", (), None)]) == []
    assert unclaimed([one], [Claim("m", "b.md", "*", (), None), Claim("m", "a.md", "Say", (), None)]) == [where(one)]


def test_every_claim_is_of_something() -> None:
    """No claim is of a page, heading or language that is not there (any more)."""
    all_blocks = every_block()
    void = [claim for claim in claims() if not any(claim.holds(block) for block in all_blocks)]
    assert void == []
    with pytest.raises(LookupError, match=r"README\.md has no block in cobol under 'Try it'"):
        take("README.md", "Try it", "cobol")


def test_what_cannot_be_run_says_why_and_names_what_is_there() -> None:
    """Where a block is only looked at, the claim has a sentence for it, and its paths, options and settings exist."""
    only_looked_at = [claim for claim in claims() if claim.not_run is not None]
    assert only_looked_at
    for claim in only_looked_at:
        assert re.fullmatch(r"[A-Z].{20,}\.", claim.not_run or ""), claim
        for block in take(claim.page, claim.heading, *claim.languages):
            assert missing(block.code) == [], where(block)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("sse-signals serve --port 80", []),
        ("sse-signals serve --prot 80", ["'sse-signals serve' has no option --prot"]),
        ("X=1 sse-signals sing &", ["there is no command 'sse-signals sing'"]),
        (
            "sse-signals token check --json x; sse-signals token key --day 1",
            ["'sse-signals token' has no option --day"],
        ),
        ("cp deploy/no.conf /etc && ./deploy/run", ["deploy/no.conf is no file of this project"]),
        ("SIGNALS_PROT=1 SIGNALS_PORT=2 ./deploy/run", ["SIGNALS_PROT is no setting"]),
        ("https://example.com/deploy/no.conf", []),
        ("sse-signals publish 'it is", []),
        ("sse-signals --help", []),
    ],
)
def test_what_is_named_wrongly_is_seen(code: str, wrong: list[str]) -> None:
    """An option, a command, a setting or a path that there is not."""
    assert missing(code) == wrong


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    text = CODE.sub(lambda found: "" if found[1] is not None else found[0], (ROOT / page).read_text(encoding="utf-8"))
    seen: Counter[str] = Counter()
    made = set()
    for title in re.findall(r"^#{1,6} +(.*?) *$", text, re.MULTILINE):
        slug = re.sub(r"[^\w -]", "", re.sub(r"\]\([^)]*\)", "", title).lower()).replace(" ", "-")
        made.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return made


def links(page: str) -> list[str]:
    """Return where a page's links and pictures point, but for those to other sites."""
    text = CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    found = [link or picture for link, picture in LINK.findall(text)]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", pages())
def test_links_and_pictures_lead_somewhere(page: str) -> None:
    """Every file, folder and heading that a page points at is there."""
    broken = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = os.path.relpath((ROOT / page).parent / path, ROOT) if path else page
        if not (ROOT / target).exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_pictures_say_what_they_show() -> None:
    """Who cannot see a picture gets its text, and those that we drew are whole."""
    for page in pages():
        text = CODE.sub("", (ROOT / page).read_text(encoding="utf-8"))
        assert all(alt.strip() for alt in re.findall(r"!\[(.*?)\]\(", text)), page
        assert all("alt=" in image for image in re.findall(r"<img\b[^>]*>", text)), page
    drawings = sorted((ROOT / "deploy/pictures").glob("*.svg"))
    assert drawings
    for path in drawings:
        root = ET.parse(path).getroot()
        names = {child.tag.rpartition("}")[2]: child.text for child in root}
        assert names["title"], path
        assert names["desc"], path
        assert "prefers-color-scheme: dark" in path.read_text(encoding="utf-8")


def test_every_page_is_on_the_index() -> None:
    """Who runs a hub finds every page of deploy from deploy/README.md."""
    index = {os.path.relpath(ROOT / "deploy" / link.partition("#")[0], ROOT) for link in links("deploy/README.md")}
    ours = {
        page for page in pages() if re.fullmatch(r"deploy/([A-Z]+\.md|proxies/README\.md|backstage/README\.md)", page)
    }
    assert ours - {"deploy/README.md"} <= index


def test_the_table_of_settings_is_the_settings() -> None:
    """Whole rows are compared: every setting has its row, and says what it is, may be and is for."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    again = "run: python -m tests.settings_table"
    assert settings_table.written(readme) == settings_table.table(), again
    assert settings_table.renewed(readme) == readme
    with pytest.raises(LookupError, match="needs these two lines"):
        settings_table.renewed("# Without a table\n")


def test_the_table_of_settings_is_true_to_markdown() -> None:
    """Each row has five cells, and nothing in a cell is taken for markup."""
    for row in settings_table.table().splitlines()[2:]:
        assert len(re.findall(r"(?<!\\)\|", row)) == 6, row
        assert row.count("`") % 2 == 0 or "\\`" in row, row


def test_the_readme_stays_readable() -> None:
    """It is an entrance and not a book: what is longer has a page of its own."""
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 828
    assert len(re.findall(r"^- ", section("README.md", "Concepts"), re.MULTILINE)) == 10


def test_what_troubleshooting_names_can_be_seen() -> None:
    """Findings are the doctor's, metrics and their labels those of METRICS.md, and requests those that there are."""
    findings, metrics = ((ROOT / "deploy" / name).read_text(encoding="utf-8") for name in ("DOCTOR.md", "METRICS.md"))
    cells = [row.split(" | ")[2] for row in symptoms()]
    named = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    series = [name for name in named if re.fullmatch(r"[a-z]+(_[a-z]+)+(\{.*\})?|streams|draining", name)]
    assert len(series) > 15
    for name, _, label in (one.removesuffix("}").partition("{") for one in series):
        assert f"`{name}`" in metrics or f"`sse_signals_{name}`" in metrics, name
        assert all(word in metrics for word in re.findall(r"[a-z-]+", label)), label
    found = [name for name in named if re.fullmatch(r"[a-z]+(-[a-z]+)+|buffering|compression", name)]
    assert len(found) > 12
    assert [name for name in found if f"`{name}`" not in findings] == []


def symptoms() -> list[str]:
    """Return the rows of the table of troubleshooting."""
    return re.findall(r"^\| (?!-|what you see)(.*) \|$", section("README.md", "Troubleshooting"), re.MULTILINE)


def test_every_complaint_of_the_field_is_a_symptom() -> None:
    """The table of troubleshooting has a row for each of the fifteen things that users of such hubs complain about."""
    rows = symptoms()
    assert len(rows) == 15
    assert all(len(re.split(r"(?<!\\) \| ", row)) == 4 for row in rows)
