"""Each fault that is planted is found, and nothing else; the lines that are printed mend it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.doctor.planted import plain, secure
from tests.doctor.table import rows, written

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.timeout(400)
async def test_planted_faults(tmp_path: Path) -> None:
    """Behind nginx, Caddy and a proxy of ours, and with nothing between, exactly what is wrong is found.

    The table in deploy/DOCTOR.md says the same.
    """
    folders = tmp_path / "plain", tmp_path / "secure"
    for folder in folders:
        await asyncio.to_thread(folder.mkdir)
    over_http, over_tls = await asyncio.gather(plain(folders[0]), secure(folders[1]))
    wrong = [one for one in (*over_http, *over_tls) if not one.right]
    assert not wrong, "\n".join(f"{one.proxy}, {one.row.name}: {one.row.found}, but {one.told}" for one in wrong)
    assert min(len(over_http), len(over_tls)) > 70
    assert rows(over_http, over_tls) == await asyncio.to_thread(written)
