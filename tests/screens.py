"""A command that takes a whole terminal: what it shows, and keys, sizes and signals that it is given."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyte

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Mapping

DEADLINE = 30.0  # seconds
OTHER_SCREEN, FIRST_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
NO_CURSOR, CURSOR = b"\x1b[?25l", b"\x1b[?25h"


class Screen:
    """A terminal with the command in it.

    Attributes:
        sent: All that the terminal was sent.
        grid: What it shows of that.
    """

    def __init__(self, process: subprocess.Popen[bytes], terminal: int, columns: int, rows: int) -> None:
        self._process = process
        self._terminal = terminal
        self.grid = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.grid)
        self.sent = b""

    @property
    def text(self) -> str:
        """What it shows, line by line."""
        return "\n".join(line.rstrip() for line in self.grid.display)

    def until(self, seen: str | Callable[[str], bool]) -> str:
        """Wait for a text, or for what a function finds in it, and return all that is shown then."""
        found = seen if callable(seen) else lambda text: seen in text
        deadline = time.monotonic() + DEADLINE
        while not found(self.text):
            assert self._read(deadline - time.monotonic()), f"it is not shown: {seen}\n{self.text}"
        return self.text

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._terminal, keys.encode())

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal larger or smaller, which its process is told."""
        self.grid.resize(rows, columns)
        _size(self._terminal, columns, rows)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the command."""
        self._process.send_signal(number)

    def echoes(self) -> bool:
        """Say whether the terminal shows what is typed, as it does when nobody has changed it."""
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def stopped(self) -> None:
        """Wait for the command to be stopped, as Ctrl-Z does."""
        found, status = os.waitpid(self._process.pid, os.WUNTRACED)
        assert found == self._process.pid
        assert os.WIFSTOPPED(status)

    def hang_up(self) -> int:
        """Close the terminal, and return the exit status."""
        os.close(self._terminal)
        self._terminal = -1
        return self._process.wait(DEADLINE)

    def end(self) -> int:
        """Wait for the end, and return the exit status."""
        deadline = time.monotonic() + DEADLINE
        while self._read(deadline - time.monotonic()):
            pass
        return self._process.wait(DEADLINE)

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        if self._terminal >= 0:
            os.close(self._terminal)

    def _read(self, seconds: float) -> bool:
        """Take what comes next; False when nothing more does."""
        if not select.select([self._terminal], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self._terminal, 65_536)
        except OSError:  # nobody writes there any more
            return False
        self.sent += data
        self._stream.feed(data)
        return bool(data)


@contextmanager
def screen(
    *arguments: str,
    columns: int = 120,
    rows: int = 30,
    variables: Mapping[str, str] | None = None,
    stdin: int | None = None,
) -> Iterator[Screen]:
    """Run the command in a terminal; it is killed if it is still there at the end.

    Args:
        arguments: What stands after ``sse-signals``.
        columns: How wide the terminal is.
        rows: How many lines it has.
        variables: Environment variables.
        stdin: Where its input comes from; None for the terminal, which then is the one that sends signals, too.
    """
    ours, theirs = pty.openpty()
    _size(theirs, columns, rows)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SIGNALS_") and k not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        ["setsid", *(["--ctty"] if stdin is None else []), sys.executable, "-m", "sse_signals", *arguments],
        env={**inherited, "TERM": "xterm-256color", **(variables or {})},
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = Screen(process, ours, columns, rows)
    try:
        yield shown
    finally:
        shown.close()


def _size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
