"""What the tests of the command share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.descriptions import JSON_HUB

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def adapter(tmp_path: Path) -> str:
    """The path of the stand-in's description."""
    path = tmp_path / "hub.toml"
    path.write_text(JSON_HUB)
    return str(path)
