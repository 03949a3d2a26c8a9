"""The limit of open files, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import resource, sys
from sse_signals.bench.files import allow
from sse_signals.errors import ConfigurationError
try:
    allow(*map(int, sys.argv[1:]))
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
except ConfigurationError as error:
    print(error)
"""
REFUSED = (
    "37 streams need 101 open files, and 100 are allowed: "
    "run 'ulimit -n 101' as one who may, or ask for fewer --streams."
)


@pytest.mark.parametrize(
    ("limits", "streams", "expected"),
    [
        ("ulimit -Sn 100", "30 1", "100"),
        ("ulimit -Sn 100", "40 1", "104"),
        ("ulimit -Sn 100", "81 2", "105"),
        ("ulimit -n 100", "36 1", "100"),
        ("ulimit -n 100", "37 1", REFUSED),
    ],
)  # fmt: skip
def test_it_is_raised_if_need_be(limits: str, streams: str, expected: str) -> None:
    """As far as needed, and never lowered; where it may not be, one sentence says so."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'{limits} && exec "$0" -c "$1" {streams}', sys.executable, CODE],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout == f"{expected}\n"
