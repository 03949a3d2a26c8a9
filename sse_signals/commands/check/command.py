"""``sse-signals check``: whether settings are good, what they come to, and where each comes from."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

import click

from sse_signals.commands.failures import HELP, UNREACHABLE, USAGE, epilog, told
from sse_signals.commands.starting import setting_options
from sse_signals.settings import examine

_EXAMPLES: Final = """
sse-signals check --changed
SIGNALS_BROKER=redis://redis:6379/0 sse-signals check --connect
"""


@click.command(context_settings=HELP, epilog=epilog(0, USAGE, UNREACHABLE, examples=_EXAMPLES))
@click.option("--connect", is_flag=True, help="Also open the log, and fetch the keys of issuers.")
@click.option("--changed", is_flag=True, help="Show only what is not the default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@setting_options
def check(*, connect: bool, changed: bool, as_json: bool, **options: Any) -> None:
    """Tell whether a hub can start with these settings, what all of them come to, and where each comes from.

    Settings are read exactly as "serve" reads them, with the same options and SIGNALS_… variables, and so are the files
    that they name. Everything that is wrong is told at once, but of a file of rules the first. Secrets are shown as
    ***. Whether the port is free is not tried.

    With --connect the log is opened as the start of a hub does, which makes one that is not there yet.
    """
    from sse_signals.commands.check import run  # noqa: PLC0415 - what it needs takes long to import

    with told():
        report = run.examined(examine(os.environ, options), connect=connect)
    run.tell(report, changed=changed, as_json=as_json)
    sys.exit(USAGE if report.problems else UNREACHABLE if report.unreachable else 0)
