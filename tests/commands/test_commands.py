"""The command as a whole: its table, its help, how it starts, and what all commands share."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest import mock

import click
import pytest
from click.testing import CliRunner

from sse_signals.cli import COMMANDS, main
from sse_signals.commands.failures import EXIT_STATUSES
from tests.commands.running import Done, command

HEAVY = ("aiohttp", "structlog", "marshmallow", "ssl", "asyncio", "jwt", "sse_signals.app")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there(name: str) -> None:
    """It says what it does, and how it may end; -h and --help are the same."""
    done = command(name, "--help")
    assert done == command(name, "-h")
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: main {name} ")
    assert "Exit status:" in done.stdout


def test_help_says_all() -> None:
    """Every command in its order with a line, all exit statuses, and how to begin; nothing is wider than a terminal."""
    done = command("-h")
    assert done == command("--help")
    assert main.list_commands(click.Context(main)) == list(COMMANDS)
    places = [done.stdout.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    for status, text in EXIT_STATUSES:
        assert f"  {status:<4} {text}\n" in done.stdout
    assert "sse-signals publish orders/42" in done.stdout
    for name in ("publish", "listen", "completion"):
        done = command(name, "--help")
        assert max(map(len, done.lines)) <= 80, name


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("publsh", "There is no command 'publsh'. Did you mean 'publish'?"),
        ("lsiten", "Did you mean 'listen'?"),
        ("xyz", "There is no command 'xyz'. There are serve, publish, listen, top, "),
    ],
)
def test_a_command_that_is_mistyped(typed: str, said: str) -> None:
    """The nearest is suggested, or all are named."""
    done = command(typed)
    assert (done.status, done.stdout) == (2, "")
    assert said in done.stderr


def test_an_option_that_is_mistyped() -> None:
    """It is told as what it is, and not taken for a command."""
    done = command("--versoin")
    assert done.status == 2
    assert "No such option" in done.stderr
    assert "--version" in done.stderr


def test_ctrl_c_before_anything_has_begun() -> None:
    """It ends with status 130 wherever it is pressed."""
    with mock.patch("sse_signals.commands.completion.write", side_effect=KeyboardInterrupt):
        assert command("completion", "bash") == Done(130, "", "")


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_can_be_switched_off(variables: dict[str, str], coloured: bool) -> None:
    """By NO_COLOR, if it is not empty, and by a terminal that has none."""

    def coloured_line() -> None:
        click.secho("x", fg="red")

    with (
        mock.patch.dict(os.environ, {"TERM": "xterm"}),
        mock.patch("sse_signals.commands.completion.completion", click.Command("completion", callback=coloured_line)),
    ):
        result = CliRunner().invoke(main, ["completion"], env=variables, color=True)
    assert ("\x1b[31m" in result.output) is coloured


def test_nothing_heavy_is_imported_to_begin_with() -> None:
    """Help and mistakes come at once: what takes long is imported when it is needed."""
    program = (
        "import sys; from click.testing import CliRunner; from sse_signals.cli import main; "
        "runner = CliRunner(); "
        "assert all(runner.invoke(main, [*each, '--help']).exit_code == 0 for each in ([], ['publish'], ['listen'])); "
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
