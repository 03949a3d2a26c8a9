"""deploy/CONFORMANCE.md is true: its tables are what the command prints today."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bench import nchan
from tests.commands.running import blockbuster, command  # noqa: F401 - a fixture
from tests.conformance.servers import CONFIGURATION, ORIGIN, nchan_running, serving
from tests.pages import ROOT, claimed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.running import Done

PAGE = (ROOT / "deploy/CONFORMANCE.md").read_text()
NCHAN = claimed("deploy/CONFORMANCE.md", "nchan", "nginx")
claimed(
    "deploy/CONFORMANCE.md",
    "Conformance",
    not_run="The tests below run the command with what stands here, against a hub on a port of its own.",
)
claimed(
    "deploy/CONFORMANCE.md",
    "A description in ten minutes",
    "sh",
    "text",
    not_run="It is a hub that does not exist; tests/conformance/test_foreign_hub.py runs the command against others.",
)


def section(heading: str) -> str:
    """Return what stands under a heading of the page."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[str]:
    """Return the rows of the tables of a text."""
    return [line for line in text.splitlines() if line.startswith("| `")]


def tried_here(folder: Path, *arguments: str) -> Done:
    """Try this hub, as the page says."""
    options = ("--cors-origins", ORIGIN, "--heartbeat", "1", "--history-count", "1500")
    with serving(folder, *options) as hub:
        drain = ("--history", "1500", "--origin", ORIGIN, "--drain", f"kill -TERM {hub.pid}")
        return command("conformance", hub.url, *drain, *arguments)


def tried_on_nchan(folder: Path) -> Done:
    """Try nchan, as the page says."""
    with nchan_running(folder) as hub:
        options = ("--history", "200", "--origin", ORIGIN, "--drain", f"kill -QUIT {hub.pid}", "--timeout", "2")
        return command("conformance", hub.url, "--adapter", "nchan", *options, "--markdown")


def test_the_cases_of_the_page() -> None:
    """All of them, with what they ask for and where that comes from."""
    assert rows(section("What is tried")) == rows(command("conformance", "--list", "--markdown").stdout)


def test_this_hub_passes_everything_and_the_page_shows_that(tmp_path: Path) -> None:
    """Drained at the end by a signal, and with a history that is overflowed: nothing is left out."""
    done = tried_here(tmp_path, "--markdown")
    assert rows(done.stdout) == rows(section("This hub"))
    assert all("| pass |" in row for row in rows(done.stdout))
    assert done.status == 0


@pytest.mark.skipif(nchan.found() is None, reason="nchan can be had from Debian and Ubuntu only")
def test_nchan_is_as_the_page_shows_it(tmp_path: Path) -> None:
    """Row by row, for the version that the page is about."""
    if nchan.version() not in PAGE:
        pytest.skip(f"the page is about another version than {nchan.version()}")
    assert [block.code for block in NCHAN] == [CONFIGURATION.read_text()]
    done = tried_on_nchan(tmp_path)
    assert rows(done.stdout) == rows(section("nchan"))
    assert done.status == 1
