# ruff: noqa: INP001 - a script, beside no package
"""Copies the browser module that the hub serves into the front-end package: run it as a script.

A copy is checked in, so that the package can be copied into a Backstage as it is; a test says when it is out of date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sse_signals.web.client_module import MODULE, TYPES

FOLDER: Final = Path(__file__).parent / "signals-hub" / "src" / "client"
_HEADER: Final = (
    "/* eslint-disable */\n// The hub's browser module, copied by deploy/backstage/update_client.py: do not edit.\n"
)


def files() -> dict[Path, str]:
    """Return what has to be in which file."""
    return {
        FOLDER / name: _HEADER + asset.body.decode() for name, asset in (("client.js", MODULE), ("client.d.ts", TYPES))
    }


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
