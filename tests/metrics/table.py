"""Writes the table of all metrics into its page: ``python -m tests.metrics.table``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sse_signals.metrics.page import tables

PAGE: Final = Path(__file__).parents[2] / "deploy" / "METRICS.md"
BEGIN: Final = "<!-- metrics: begin -->\n"
END: Final = "<!-- metrics: end -->\n"


def with_tables(page: str) -> str:
    """Return the page with the tables that the code makes."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
