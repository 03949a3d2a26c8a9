"""``sse-signals completion``: what shells complete with it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ZshComplete

from sse_signals.cli import COMMANDS, main
from tests.commands.running import command

BASH = """
COMP_WORDS=({words})
COMP_CWORD={place}
_sse_signals_completion sse-signals
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    """It says how it is installed, where a comment does no harm."""
    done = command("completion", shell)
    assert (done.status, done.stderr) == (0, "")
    assert "_SSE_SIGNALS_COMPLETE" in done.stdout
    assert f"# For this shell alone: eval it. For all: sse-signals completion {shell} > ~/" in done.stdout
    assert done.stdout.startswith("#compdef sse-signals\n" if shell == "zsh" else "# For this shell")
    assert command("completion", SHELL=f"/usr/bin/{shell}") == done
    program = shutil.which(shell)
    if program is not None:  # only bash is everywhere
        subprocess.run([program, "-n"], input=done.stdout, text=True, check=True, timeout=60)


def test_commands_have_a_line_where_the_shell_shows_it() -> None:
    """They are not imported for that."""
    found = ZshComplete(main, {}, "sse-signals", "_X").get_completions([], "co")
    assert [(item.value, item.help) for item in found] == [each for each in COMMANDS.items() if each[0][:2] == "co"]


@pytest.mark.parametrize("shell", ["/bin/tcsh", ""])
def test_a_shell_that_is_not_known(shell: str) -> None:
    """One sentence names those that are."""
    done = command("completion", SHELL=shell)
    assert (done.status, done.stdout) == (2, "")
    assert "Say for which shell: bash, zsh, fish." in done.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["sse-signals", "l"], ["listen"]),
        (["sse-signals", "co"], ["conformance", "completion"]),
        (["sse-signals", "--ver"], ["--version"]),
        (["sse-signals", "publish", "--bro"], ["--broadcast"]),
        (["sse-signals", "completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes(words: list[str], found: list[str]) -> None:
    """A real bash, with the script as it is printed, offers commands, options and values."""
    script = command("completion", "bash").stdout + BASH.format(words=" ".join(map(repr, words)), place=len(words) - 1)
    done = subprocess.run(
        ["bash", "--norc"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
    )
    assert done.stdout.split() == found
