"""How commands end: one sentence on stderr, and an exit status that says whose turn it is."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

import click

from sse_signals.commands.plain import plain
from sse_signals.commands.words import sentence
from sse_signals.errors import (
    BrokerUnavailable,
    ConfigurationError,
    IdempotencyTableFull,
    InvalidInput,
    IssuerUnavailable,
    LoadFailed,
    MessageTooLarge,
    SignalsError,
    UnexpectedAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

BAD: Final = 1
USAGE: Final = 2
UNREACHABLE: Final = 3
REFUSED: Final = 4
INTERRUPTED: Final = 130

HELP: Final = {"help_option_names": ["-h", "--help"]}  # settings of each command
EXIT_STATUSES: Final = (
    (0, "done"),
    (BAD, "done, with a bad answer: a check or command failed, a fault found"),
    (USAGE, "wrong arguments or settings"),
    (UNREACHABLE, "the hub cannot be reached, or is not available"),
    (REFUSED, "the hub refuses: who asks may not, or it breaks a rule or limit"),
    (INTERRUPTED, "interrupted with Ctrl-C"),
)
_THERE_IS_NO_HUB: Final = (BrokerUnavailable, IssuerUnavailable, IdempotencyTableFull)
_MISTAKES: Final = (ConfigurationError, InvalidInput)


def status_of(error: SignalsError) -> int:
    """Return the exit status of a command that an error ends."""
    if isinstance(error, _MISTAKES) and not isinstance(error, MessageTooLarge):
        return USAGE
    if isinstance(error, _THERE_IS_NO_HUB):
        return UNREACHABLE
    if isinstance(error, UnexpectedAnswer | LoadFailed):
        return REFUSED if 400 <= (error.status or 0) < 500 else UNREACHABLE
    return REFUSED


def fail(text: str, status: int) -> NoReturn:
    """End the command with one sentence on stderr.

    Args:
        text: What is wrong and what to do; it may hold what a hub has said.
        status: The exit status.
    """
    try:
        click.echo(f"sse-signals: {plain(text)}", err=True)
    except OSError:  # it cannot be told, and the status says it all the same
        drop(sys.stderr)
    sys.exit(status)


def drop(stream: TextIO | None) -> None:
    """Have what could not be written to a stream dropped: it would be tried again at the end, and change the status."""
    with suppress(AttributeError, OSError):  # it is closed, or no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


@contextmanager
def told() -> Iterator[None]:
    """End the command well-behaved when what is done in this context fails, or Ctrl-C is pressed meanwhile."""
    try:
        yield
    except SignalsError as error:
        fail(sentence(error), status_of(error))
    except KeyboardInterrupt:
        interrupted()


def interrupted() -> NoReturn:
    """End the command as Ctrl-C does."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo(err=True)  # after the ^C that the terminal shows
    sys.exit(INTERRUPTED)


def epilog(*numbers: int, examples: str = "") -> str:
    r"""Return what stands at the end of a command's help: its exit statuses, and examples.

    Args:
        numbers: The statuses that it may end with; none for all of them.
        examples: Lines as they are typed.
    """
    lines = [f"  {number:<4} {text}" for number, text in EXIT_STATUSES if not numbers or number in numbers]
    parts = ["\n".join(["\b", "Exit status:", *lines])]
    if examples:
        parts.append("\n".join(["\b", "Examples:", *(f"  {line}" for line in examples.strip().splitlines())]))
    return "\n\n".join(parts)
