"""What commands write to stdout: line by line, each at once, and a sentence when that fails."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sse_signals.commands.failures import BAD, drop, fail

if TYPE_CHECKING:
    from collections.abc import Iterator


def write(line: str) -> None:
    """Write a line to stdout so that whoever reads there has it at once.

    Raises:
        BrokenPipeError: Nobody reads there any more; click ends the command for that, without a word.
    """
    with writing():
        if sys.stdout is None:
            raise OSError(0, "stdout is closed")
        click.echo(line)


@contextmanager
def writing(what: str = "the output") -> Iterator[None]:
    """End the command with a sentence if what is written to stdout in this context cannot be.

    Args:
        what: What is written.

    Raises:
        BrokenPipeError: Nobody reads there any more.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        give_up()
        fail(f"{what} cannot be written: {error.strerror}.", BAD)


def give_up() -> None:
    """Have what could not be written to stdout dropped."""
    drop(sys.stdout)


def see_to_stderr() -> None:
    """Have a stderr that is closed lead nowhere: what is for it would go to stdout, or to the first file opened."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - for good


def show_any_text() -> None:
    """Have stdout take every character: what its encoding does not know is escaped."""
    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
