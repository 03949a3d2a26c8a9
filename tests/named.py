"""What a piece of documentation names of ours (paths, options, settings), and what of it is not there."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from functools import cache
from typing import Final

import click

from sse_signals.cli import main
from sse_signals.settings import Settings, variable
from tests.pages import ROOT

_PATH: Final = re.compile(r"(?<![\w/.:@$}-])(?:\./)?((?:deploy|tests|sse_signals)/[\w./-]*[\w/])")
_VARIABLE: Final = re.compile(r"\bSIGNALS_[A-Z_]*[A-Z]\b")
_COMMAND: Final = re.compile(r"(?:^|[\s(\"'/=])sse-signals((?: +[^\s|;&<>()#\n\\]+|\\\n)*)")
_ELSEWHERE: Final = ("deploy/compose.yaml", "deploy/compose.hub.yaml", "deploy/proxies/Caddyfile")
# Paths that come to be when something is run.
_MADE: Final = ("deploy/.venv", "deploy/secrets", "tests/.venv")


def missing(code: str) -> list[str]:
    """Return what code names that is not there, each in a sentence."""
    found = [f"{path} is no file of this project" for path in _PATH.findall(code) if not _is_there(path)]
    found += [f"{name} is no setting" for name in _VARIABLE.findall(code) if name not in _variables()]
    for words in _COMMAND.findall(code):
        found += _wrong_words(words.replace("\\\n", " "))
    return found


def _is_there(path: str) -> bool:
    return (ROOT / path).exists() or path.startswith(_MADE)


@cache
def _variables() -> frozenset[str]:
    known = {variable(field.name) for field in fields(Settings)} | {"SIGNALS_URL", "SIGNALS_TOKEN"}
    for path in _ELSEWHERE:  # which read some variables themselves
        if (ROOT / path).exists():
            known.update(_VARIABLE.findall((ROOT / path).read_text(encoding="utf-8")))
    return frozenset(known)


def _wrong_words(words: str) -> list[str]:
    """Return what is wrong with the words behind the command: an unknown command, or options that it has not."""
    try:
        first, *rest = shlex.split(words) or ["--help"]
    except ValueError:  # a quote that goes on in the next line
        return []
    if first.startswith("-") or not re.fullmatch(r"[a-z]+", first):
        return []
    context = click.Context(main)
    command = main.get_command(context, first)
    if command is None:
        return [f"there is no command 'sse-signals {first}'"]
    if isinstance(command, click.Group) and rest and (below := command.get_command(context, rest[0])):
        command = below
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    options |= {"--help", "-h"}
    given = [word.partition("=")[0] for word in rest if word.startswith("--") and word != "--"]
    return [f"'sse-signals {first}' has no option {name}" for name in given if name not in options]
