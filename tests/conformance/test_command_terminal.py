"""``sse-signals conformance`` in a terminal."""

from __future__ import annotations

import pytest

from sse_signals.conformance import catalogue
from tests.commands.running import blockbuster  # noqa: F401 - a fixture
from tests.conformance.stand_in import beside
from tests.screens import screen

FORMATS = len(catalogue.chosen(["format"]))


def test_the_list_in_a_terminal() -> None:
    """What is asked for is never cut, however narrow the terminal is."""
    with screen("conformance", "--list", "--only", "cors.null", columns=40) as shown:
        assert shown.end() == 0
    told = "The origin 'null' is not allowed: every sandboxed frame has it. (Fetch, CORS protocol)"
    assert " ".join(shown.text.split()) == f"cors.null {told}"
    assert shown.text.splitlines()[1].startswith("    The origin")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_is_filled_and_never_overflown(adapter: str, columns: int) -> None:
    """Progress comes and goes; the table is cut to the width, and what failed stands below in full."""
    with (
        beside("cacheable") as url,
        screen("conformance", url, "--adapter", adapter, "--only", "format", columns=columns, rows=60) as shown,
    ):
        assert shown.end() == 1
    assert f"{FORMATS} of {FORMATS}".encode() in shown.sent
    assert f"of {FORMATS}" not in shown.text
    assert "\x1b[31mfail" in shown.sent.decode()
    lines = [line for line in shown.text.splitlines() if line]
    failed = [" ".join(line.split()) for line in lines[1 + FORMATS : -1]]
    assert lines[0].split() == ["Case", "Result", "Seen"]
    assert len(lines) == 1 + FORMATS + len(failed) + 1
    assert " ".join(failed) == (
        "fail format.caching Cache-Control forbids keeping the answer. Seen: Cache-Control is ''. "
        "Source: good practice: a cache would replay yesterday's stream."
    )
    assert max(map(len, lines)) <= columns
    assert lines[-1] == f"stand-in: {FORMATS - 1} pass, 1 fail."


def test_ctrl_c_prints_what_there_is(adapter: str) -> None:
    """At once, with the status of an interrupt; what was not tried is not in the table."""
    with (
        beside("hangs-garbage") as url,
        screen(
            *("conformance", url, "--adapter", adapter, "--timeout", "60"),
            *("--only", "format.status", "--only", "http.pipelined"),
        ) as shown,
    ):
        shown.until("1 of 2")
        shown.press("\x03")
        assert shown.end() == 130
    assert "format.status  pass" in shown.text
    assert "http.pipelined" not in shown.text
    assert "stand-in: 1 pass." in shown.text


def test_ctrl_c_before_there_is_anything(adapter: str) -> None:
    """Then there is nothing to print, and the status is the same."""
    with beside("mute") as url, screen("conformance", url, "--adapter", adapter, "--timeout", "60") as shown:
        shown.until(f"0 of {len(catalogue.ALL)}")
        shown.press("\x03")
        assert shown.end() == 130
    assert "Case" not in shown.text
