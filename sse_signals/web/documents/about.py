"""What both documents say of the hub."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

TITLE: Final = "sse_signals"
LICENSE: Final = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}


def release() -> str:
    """Return the version of the package, which is that of the documents."""
    return version("sse-signals")
