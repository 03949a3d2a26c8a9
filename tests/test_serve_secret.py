"""A hub of several says at its start that they need the same secret."""

from __future__ import annotations

import pytest

from tests.test_cli import DEADLINE, entries, serving

EVENT = "the cookies of tickets are good at this hub only"
JWT = ("--auth", "jwt", "--jwt-secret", "j" * 32)
REDIS = ("--broker", "redis://127.0.0.1:1/0")  # nobody is there, which it says as well


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ((*JWT, *REDIS), True),
        ((*JWT, *REDIS, "--secret", "s" * 32), False),
        (JWT, False),
        (REDIS, False),
    ],
    ids=["cluster", "with a secret", "alone", "without authentication"],
)
def test_the_secret_of_several_hubs(options: tuple[str, ...], warned: bool) -> None:
    """Where tickets are used and a log is shared, a missing secret is told once, before the hub listens."""
    with serving(*options) as process:
        told = [entry for entry in entries(process, "listening") if entry["event"] == EVENT]
        process.terminate()
        process.communicate(timeout=DEADLINE)
    assert process.returncode == 0
    assert len(told) == warned
    for entry in told:
        assert (entry["level"], entry["not_set"]) == ("warning", ["SIGNALS_SECRET"])
        assert "SIGNALS_SECRET" in entry["hint"]
