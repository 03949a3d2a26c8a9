"""A whole terminal on descriptors of a test's own: what is sent there."""

from __future__ import annotations

import os
import pty
import select
import sys
import tty
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING
from unittest import mock

from sse_signals.commands.top.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 30.0  # seconds


@contextmanager
def pair() -> Iterator[tuple[int, int]]:
    """Have a pseudo-terminal as stdout, which passes on what it is given as it is."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with (
        os.fdopen(theirs, "w") as output,
        open(os.devnull) as nothing,  # noqa: PTH123 - stdin is a file
        mock.patch.multiple(sys, stdout=output, stdin=nothing),
    ):
        yield ours, theirs
    os.close(ours)


def test_a_terminal_that_others_do_not_wait_for_gets_the_whole_picture() -> None:
    """A descriptor that does not block is waited for; the terminal is there all the while."""
    drawn = "x" * 500_000 + "end"  # far more than the system keeps for a terminal, which is 64 KiB at the most
    began = monotonic()

    def read(ours: int, theirs: int) -> bytes:
        while select.select([], [theirs], [], 0)[1] and monotonic() < began + DEADLINE:  # until it takes no more
            pass
        text = b""
        while not text.endswith(b"end"):
            text += os.read(ours, 65_536)
        return text

    with pair() as (ours, theirs), ThreadPoolExecutor(1) as threads:
        os.set_blocking(theirs, False)
        reading = threads.submit(read, ours, theirs)
        assert Terminal(coloured=True).draw([drawn])
        assert reading.result(DEADLINE).decode().endswith(drawn)


def test_a_terminal_that_takes_nothing_at_first_is_asked_again() -> None:
    """Nobody is there to read in the moment of the first write; the picture goes out all the same."""
    write = os.write
    busy = iter([True])

    def written(number: int, data: bytes) -> int:
        if next(busy, False):
            raise BlockingIOError
        return write(number, data)

    with pair() as (ours, _), mock.patch.object(os, "write", written):
        assert Terminal(coloured=True).draw(["there"])
        assert b"there" in os.read(ours, 65_536)


def test_what_was_shown_before_is_shown_again_when_the_terminal_was_given_back() -> None:
    """Nobody knows what has become of it meanwhile; otherwise only what has changed is sent."""
    with pair() as (ours, _), Terminal(coloured=True) as terminal:

        def sent(until: bytes) -> bytes:
            text = b""
            while until not in text and select.select([ours], [], [], 20)[0]:
                text += os.read(ours, 65_536)
            return text

        assert terminal.draw(["there", "one"])
        assert b"there" in sent(until=b"one")
        assert terminal.draw(["there", "two"])
        assert b"there" not in sent(until=b"two")
        with terminal.given_back():
            pass
        assert terminal.draw(["there", "three"])
        assert b"there" in sent(until=b"three")
