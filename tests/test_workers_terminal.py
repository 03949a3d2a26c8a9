"""Several processes in a terminal, which sends its signals to all of them at once."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.crew import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 60  # seconds


class Terminal:
    """A terminal in which the command runs."""

    def __init__(self, keys: int, process: subprocess.Popen[bytes]) -> None:
        self._keys = keys
        self.process = process
        self.text = ""

    def read(self) -> bool:
        """Read what has come; False when nobody writes any more."""
        try:
            data = os.read(self._keys, 65_536)
        except OSError:
            return False
        self.text += re.sub(r"\x1b\[[0-9;]*m", "", data.decode())
        return True

    def until(self, text: str) -> None:
        """Read until something is shown."""
        while text not in self.text:
            assert self.read(), self.text

    def press_ctrl_c(self) -> None:
        """Have the terminal interrupt everybody."""
        os.write(self._keys, b"\x03")

    def hang_up(self) -> None:
        """Close the terminal's window."""
        os.close(self._keys)
        self._keys = -1

    def close(self) -> None:
        """Close it if it is open."""
        if self._keys >= 0:
            self.hang_up()


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Run a hub with two workers in a terminal."""
    ours, theirs = pty.openpty()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-c", COMMAND, "serve", "--port", "0", "--workers", "2"],
        env={**inherited, "TERM": "xterm", "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = Terminal(ours, process)
    try:
        yield shown
    finally:
        shown.close()
        process.kill()
        process.wait()


@pytest.mark.parametrize("moment", ["worker listens", " listening "], ids=["during the start", "at work"])
def test_ctrl_c(moment: str) -> None:
    """All end in good order, although the terminal interrupts each of them: no traceback, and the status is 0."""
    with terminal() as shown:
        shown.until(moment)
        shown.press_ctrl_c()
        while shown.read():
            pass
        assert shown.process.wait(PATIENCE) == 0
    assert "Traceback" not in shown.text
    assert "KeyboardInterrupt" not in shown.text
    assert re.search(r"\] stopped +worker=1\b", shown.text)
    assert re.search(r"\] stopped *\r\n$", shown.text)


def test_a_terminal_that_goes_away() -> None:
    """It ends the hub, as it ends one of a single process; the workers notice."""
    with terminal() as shown, ExitStack() as stack:
        shown.until(" listening ")
        workers = [os.pidfd_open(int(pid)) for pid in re.findall(r"pid=(\d+)", shown.text)]
        for worker in workers:
            stack.callback(os.close, worker)
        assert len(workers) == 2
        shown.hang_up()
        assert shown.process.wait(PATIENCE) != 0
        for worker in workers:
            assert select.select([worker], [], [], PATIENCE)[0]  # it has ended
