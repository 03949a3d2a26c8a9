"""``sse-signals completion``: what lets a shell complete commands and options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from sse_signals.commands.failures import HELP, epilog
from sse_signals.commands.output import write

_COMMAND: Final = "sse-signals"
_VARIABLE: Final = "_SSE_SIGNALS_COMPLETE"
_INSTALL: Final = {
    "bash": "sse-signals completion bash > ~/.local/share/bash-completion/completions/sse-signals",
    "zsh": "sse-signals completion zsh > ~/.zfunc/_sse-signals  # with fpath=(~/.zfunc $fpath) before compinit",
    "fish": "sse-signals completion fish > ~/.config/fish/completions/sse-signals.fish",
}
_EXAMPLES: Final = """
eval "$(sse-signals completion bash)"
sse-signals completion fish > ~/.config/fish/completions/sse-signals.fish
"""


@click.command(context_settings=HELP, epilog=epilog(0, 1, 2, examples=_EXAMPLES))
@click.argument("shell", type=click.Choice(tuple(_INSTALL)), required=False)
@click.pass_context
def completion(context: click.Context, /, shell: str | None) -> None:
    """Print the script that completes commands and options in a shell.

    Without SHELL it is for the one of $SHELL. The script itself says how it is installed.
    """
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415 - only for that

    name = shell or Path(os.environ.get("SHELL", "")).name
    kind = get_completion_class(name) if name in _INSTALL else None
    if kind is None:
        raise click.UsageError(f"Say for which shell: {', '.join(_INSTALL)}.")
    # Not its own: that of bash runs bash only to find out how old it is.
    script = ShellComplete.source(kind(context.find_root().command, {}, _COMMAND, _VARIABLE))
    marker, newline, rest = script.strip().partition("\n")
    about = f"# For this shell alone: eval it. For all: {_INSTALL[name]}"
    write(f"{marker}{newline}{about}\n{rest}" if marker.startswith("#") else f"{about}\n{script.strip()}")
