"""A whole terminal for a picture that changes: given back as it was, in whichever way that ends."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Self

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ENTER: Final = "\x1b[?1049h\x1b[?25l"  # another screen, without a cursor
_LEAVE: Final = "\x1b[0m\x1b[?25h\x1b[?1049l"
_CLEAR: Final = "\x1b[0m\x1b[2J"
_USUAL: Final = (80, 24)  # of a terminal that does not know its size


class Terminal:
    """The terminal of this process. Used as a context manager.

    Attributes:
        keys: The descriptor from which keys are read; None where stdin is no terminal.
    """

    def __init__(self, *, coloured: bool) -> None:
        """Take stdin and stdout; nothing is changed yet.

        Args:
            coloured: Whether colours may be shown.
        """
        self._output = sys.stdout.fileno()
        self._encoding = sys.stdout.encoding
        self.keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._coloured = coloured
        self._shown: list[str] = []
        self._size = (0, 0)
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._enter()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Have the terminal be as it was within this context."""
        self._leave()
        try:
            yield
        finally:
            self._enter()

    def size(self) -> tuple[int, int]:
        """Return its columns and lines."""
        try:
            columns, rows = os.get_terminal_size(self._output)
        except OSError:  # the terminal is gone
            return _USUAL
        return columns or _USUAL[0], rows or _USUAL[1]

    def draw(self, lines: Sequence[str]) -> bool:
        """Show lines instead of those before, and say whether the terminal is still there.

        Only what has changed is sent.

        Args:
            lines: As many as it has, and none wider than it is.
        """
        size = self.size()
        parts = []
        if size != self._size:  # nobody knows what is left of the last picture
            parts, self._shown, self._size = [_CLEAR], [], size
        for number, text in enumerate(lines):
            if number >= len(self._shown) or self._shown[number] != text:
                shown = text if self._coloured else click.unstyle(text)
                parts.append(f"\x1b[{number + 1};1H\x1b[2K{shown}")
        self._shown = list(lines)
        return self._write("".join(parts))

    def _enter(self) -> None:
        if self.keys is not None:
            self._before = termios.tcgetattr(self.keys)
            tty.setcbreak(self.keys, termios.TCSANOW)  # keys come one by one, and Ctrl-C is still a signal
        self._size = (0, 0)
        self._write(_ENTER)

    def _leave(self) -> None:
        self._write(_LEAVE)
        if self.keys is not None:
            with suppress(termios.error):  # the terminal is gone
                termios.tcsetattr(self.keys, termios.TCSANOW, self._before)

    def _write(self, text: str) -> bool:
        """Write a text as a whole, and say whether the terminal is still there."""
        data = text.encode(self._encoding, "replace")
        while data:
            try:
                data = data[os.write(self._output, data) :]
            except BlockingIOError:  # whoever shares the terminal has said that nobody waits for it; this one does
                select.select([], [self._output], [])
            except OSError:
                return False
        return True
