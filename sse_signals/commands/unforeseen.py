"""How a command ends when something has happened that nobody has thought of."""

from __future__ import annotations

import os
from pathlib import Path
from traceback import extract_tb
from typing import Final, NoReturn

import click

from sse_signals.commands.failures import BAD, fail
from sse_signals.commands.output import give_up

TRACEBACK: Final = "SSE_SIGNALS_TRACEBACK"
_PACKAGE: Final = Path(__file__).parents[1]
_CLICK: Final = Path(click.__file__).parent


def end(error: Exception) -> NoReturn:
    """End the command with one sentence, or with a traceback if the environment asks for one.

    The error's own text is not told: it may hold a token.

    Args:
        error: What was raised.

    Raises:
        Exception: The same, where a traceback is wanted.
    """
    if os.environ.get(TRACEBACK):
        raise error
    lines = [(Path(frame.filename), frame.lineno) for frame in extract_tb(error.__traceback__)]
    if isinstance(error, OSError) and lines[-1][0].is_relative_to(_CLICK):  # which only writes
        give_up()
        fail(f"the output cannot be written: {error.strerror}.", BAD)
    name, number = next(line for line in reversed(lines) if line[0].is_relative_to(_PACKAGE))
    reason = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    fail(
        f"a mistake in sse-signals itself, {type(error).__name__}{reason} ({name.relative_to(_PACKAGE)}, line "
        f"{number}). With {TRACEBACK}=1 it shows more, perhaps also secrets.",
        BAD,
    )
