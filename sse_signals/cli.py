"""The command ``sse-signals``."""

from __future__ import annotations

from importlib.metadata import version

import click

from sse_signals.commands.bench import bench
from sse_signals.commands.serve import serve
from sse_signals.commands.token import token


@click.group()
@click.version_option(version("sse-signals"), prog_name="sse-signals")
def main() -> None:
    """A Server-Sent Events hub: publish small JSON signals, and every client that should see one sees it."""


main.add_command(serve)
main.add_command(bench)
main.add_command(token)
