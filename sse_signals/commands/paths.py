"""Paths as people write them on a command line."""

from __future__ import annotations

from pathlib import Path


def home_expanded(text: str) -> Path:
    """Return a path with ``~`` and ``~name`` replaced; where there is no such home it stays as it is, and is not there.

    Args:
        text: As it was written, where no shell has replaced it.
    """
    path = Path(text)
    try:
        return path.expanduser()
    except RuntimeError:
        return path
