"""A hub that anybody may use says so at its start."""

from __future__ import annotations

import pytest

from tests.test_cli import DEADLINE, entries, serving

EVENT = "nobody has to authenticate: who reaches the hub may publish and read everything"


@pytest.mark.parametrize("host", ["127.1", "127.0.0.1"])
def test_a_hub_for_everybody_says_so(host: str) -> None:
    """Once it listens on what is not surely the machine itself: 127.1 is, but only a resolver knows."""
    with serving("--host", host, "--insecure") as process:
        log = entries(process, "listening")
        process.terminate()
        log += entries(process, "stopped")
        assert process.wait(DEADLINE) == 0
    told = [entry for entry in log if entry["event"] == EVENT]
    assert len(told) == (host == "127.1")
    for entry in told:
        assert entry["level"] == "warning"
        assert "SIGNALS_AUTH" in entry["hint"]
