"""``sse-signals listen``: signals as they come, shown, or given to a command one by one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click

from sse_signals.commands.failures import HELP, epilog, told
from sse_signals.commands.hub_options import access_options, url_option
from sse_signals.commands.token.values import FILTER
from sse_signals.commands.values import Duration

_EXAMPLES: Final = """
sse-signals listen 'orders/*'
sse-signals listen --since 10m --json | jq .message
sse-signals listen builds/7 --no-broadcast --count 1 --timeout 5m
sse-signals listen 'orders/*' --cursor orders.cursor --exec ./handle-order
sse-signals listen --no-follow
"""


@click.command(context_settings=HELP, epilog=epilog(0, 1, 2, 3, 4, 130, examples=_EXAMPLES))
@click.argument("topics", nargs=-1, type=FILTER, metavar="[TOPIC]...")
@click.option("--since", metavar="WHEN", help="Start with all, the last -20, 10m ago, or at 2026-01-31T12:00:00Z.")
@click.option("--last-event-id", metavar="ID", help="Go on after this signal.")
@click.option(
    "--cursor",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Go on after the last signal that was handled; FILE keeps the place.",
)
@click.option("--no-broadcast", is_flag=True, help="Leave out signals without a topic, which come whatever the topics.")
@click.option("--no-follow", is_flag=True, help="End once everything up to now has come; without --since, of all.")
@click.option("-n", "--count", type=click.IntRange(1), metavar="N", help="End after N signals.")
@click.option(
    "--timeout",
    type=Duration(),
    metavar="TIME",
    help="End after 30s, 5m, 1h; with status 1 if N did not come. A hub that is away is tried so long, at most 10 s.",
)
@click.option("--exec", "command", metavar="COMMAND", help="Run a shell command for each signal, one at a time.")
@click.option("--stop-on-failure", is_flag=True, help="End when COMMAND fails; its signal comes again with --cursor.")
@click.option("--json", "as_json", is_flag=True, help="Whole signals, as JSON lines.")
@click.option("--raw", is_flag=True, help="Messages that are text without quotes.")
@click.option("--full", is_flag=True, help="Do not cut lines to the width of the terminal.")
@url_option
@access_options
def listen(**asked: Any) -> None:
    """Follow signals until Ctrl-C, and go on after any interruption without a loss.

    A TOPIC may end in *; without one it is everything that may be read. In a terminal each signal is one line; else
    time, topic and message, with tabs between them.

    A COMMAND finds the message on its stdin as JSON (with --json the whole signal), and SIGNAL_ID, SIGNAL_TOPIC,
    SIGNAL_EVENT and SIGNAL_TIME in its environment. If one fails, that is said, the next signal follows, and the
    status at the end is 1. Ctrl-C and SIGTERM wait for the one that is running.
    """
    _check(**asked)
    with told():
        from sse_signals.commands.listen.following import following  # noqa: PLC0415 - it takes long

        sys.exit(following(**asked))


def _check(**asked: Any) -> None:
    """Refuse options that contradict each other."""
    for one, other in (
        ("since", "last_event_id"),
        ("cursor", "last_event_id"),
        ("as_json", "raw"),
        ("as_json", "full"),
        ("command", "full"),
    ):
        if asked[one] and asked[other]:
            raise click.UsageError(f"{_option(one)} and {_option(other)} exclude each other.")
    if asked["stop_on_failure"] and not asked["command"]:
        raise click.UsageError("--stop-on-failure is about the command of --exec.")


def _option(name: str) -> str:
    return {"as_json": "--json", "command": "--exec"}.get(name, f"--{name.replace('_', '-')}")
