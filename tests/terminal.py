"""Running the command in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def shown(*arguments: str, columns: int = 80, variables: Mapping[str, str], keys: bytes = b"") -> tuple[int, str]:
    """Run the command in a terminal to its end; return its exit status, and what the terminal was sent.

    Args:
        arguments: What stands after ``sse-signals``.
        columns: How wide the terminal is.
        variables: The settings.
        keys: What is typed once the first line is shown.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SIGNALS_") and k != "COLUMNS"}
    command = ["setsid", "--ctty", sys.executable, "-m", "sse_signals", *arguments]
    environment = {**inherited, "TERM": "xterm", **variables}
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    try:
        while data := _read(ours):
            text += data
            if keys and b"\n" in text:
                os.write(ours, keys)
                keys = b""
        return process.wait(30), text.decode()
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # nobody writes there any more
        return b""
