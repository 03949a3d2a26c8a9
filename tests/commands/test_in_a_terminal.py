"""``publish`` and ``listen`` in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sse_signals.testing import hub, signals_hub
from tests.commands.running import blockbuster
from tests.screens import screen

if TYPE_CHECKING:
    from sse_signals.testing import SignalsHub

__all__ = ["blockbuster", "signals_hub"]


@pytest.mark.parametrize("columns", [40, 80])
def test_signals_in_a_terminal(signals_hub: SignalsHub, columns: int) -> None:
    """Each is one line, cut to the width as it is then, in colours; Ctrl-C leaves the prompt on a line of its own."""
    with screen("listen", columns=columns, variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        terminal.until("connected to ")
        signals_hub.publish("x" * 300, topic="orders/1")
        assert terminal.until("…").splitlines()[-1].count("x") < columns
        lines = [line for line in terminal.until("…").splitlines() if "xxx" in line]
        assert [len(line) for line in lines] == [columns]
        terminal.resize(60, 30)
        signals_hub.publish("y" * 300, topic="orders/2")
        terminal.until("yyy")
        assert [len(line) for line in terminal.until("…").splitlines() if "yyy" in line] == [60]
        terminal.press("\x03")
        assert terminal.end() == 130
    assert b"\x1b[2m" in terminal.sent
    assert terminal.sent.endswith(b"^C\r\n")


def test_a_terminal_is_told_how_it_goes() -> None:
    """That the connection was lost and is there again; once NO_COLOR is set, without colours."""
    with (
        hub() as running,
        screen("listen", "--full", variables={"SIGNALS_URL": running.url, "NO_COLOR": "1"}) as terminal,
    ):
        terminal.until("connected to")
        running.cut()
        terminal.until(lambda text: text.count("connected to") == 2)
        running.publish("x" * 150, topic="a")
        terminal.until("x" * 40 + '"')
        terminal.press("\x03")
        assert terminal.end() == 130
    assert "trying again" in terminal.text
    assert b"\x1b[" not in terminal.sent


def test_typing_lines(signals_hub: SignalsHub) -> None:
    """Each is published as it is ended, and Ctrl-D is the end."""
    with screen("publish", "a", "--lines", variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        terminal.until("each line is a signal; Ctrl-D ends it.")
        terminal.press("hello\n")
        signals_hub.expect("a", message="hello", within=20)
        terminal.press("\x04")
        assert terminal.end() == 0


def test_a_message_that_is_left_out_in_a_terminal(signals_hub: SignalsHub) -> None:
    """It is null: nobody is asked to type one."""
    with screen("publish", "a", variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        assert terminal.end() == 0
    assert [event.message for event in signals_hub.published] == [None]


def test_text_that_looks_like_json_is_told(signals_hub: SignalsHub) -> None:
    """It goes out as text, and one line says so, why it is no JSON, and what JSON is."""
    with screen("publish", "a", "{bad", columns=240, variables={"SIGNALS_URL": signals_hub.url}) as terminal:
        assert terminal.end() == 0
    assert [event.message for event in signals_hub.published] == ["{bad"]
    told, printed = terminal.text.rstrip().splitlines()
    assert told.startswith("sse-signals: It is not JSON: ")
    assert 'line 1, column 2. It went out as text; in a shell JSON needs single quotes: \'{"state": "paid"}\'.' in told
    assert printed == signals_hub.published[0].id


def test_waiting_for_a_hub_is_shown() -> None:
    """While it is tried, it is said once what is wrong; then it is told, with status 3."""
    with screen("publish", "a", "1", "--timeout", "0.5", variables={"SIGNALS_URL": "http://127.0.0.1:1"}) as terminal:
        assert terminal.end() == 3
    assert terminal.text.count("cannot be reached: Connection refused; trying again") == 1
    assert terminal.text.rstrip().endswith("tries).")


def test_ctrl_c_while_a_hub_is_waited_for() -> None:
    """It ends at once, with status 130."""
    for arguments in (["publish", "a", "1"], ["listen"]):
        with screen(*arguments, variables={"SIGNALS_URL": "http://127.0.0.1:1"}) as terminal:
            terminal.until("trying again")
            terminal.press("\x03")
            assert terminal.end() == 130
