"""``sse-signals top``: what goes on at a hub, live in a terminal, or once."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final

import click

from sse_signals.commands.failures import HELP, INTERRUPTED, REFUSED, UNREACHABLE, USAGE, epilog, told
from sse_signals.commands.hub_options import access_options, url_option
from sse_signals.commands.values import Duration

if TYPE_CHECKING:
    from sse_signals.client.tokens import TokenSource

_OFTENEST: Final = 0.1  # seconds
_EXAMPLES: Final = """
sse-signals top
sse-signals top --url https://hub.example.com/signals --token @admin.jwt
sse-signals top --json | jq .rates
"""


@click.command(context_settings=HELP, epilog=epilog(0, USAGE, UNREACHABLE, REFUSED, INTERRUPTED, examples=_EXAMPLES))
@url_option
@access_options
@click.option("--interval", type=Duration(), default="1", show_default=True, help="Time between two looks at the hub.")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=200, show_default=True, help="Streams that the hub tells of."
)
@click.option("--once", is_flag=True, help="Print one picture instead, as is done where stdout is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print what the hub says as one JSON object, with rates.")
@click.option("--follow", is_flag=True, help="With --json: go on, with one line for each interval.")
def top(
    *,
    url: str,
    token: TokenSource,
    no_verify: bool,
    interval: float,
    limit: int,
    once: bool,
    as_json: bool,
    follow: bool,
) -> None:
    """Watch a hub: streams, rates, who is slow, and why streams were closed.

    Where people have to authenticate, it takes a token with the grant "admin".

    Keys: q quits, p pauses, s sorts streams by something else, n hides the lines of nodes, ? explains.
    """
    if interval < _OFTENEST:
        raise click.UsageError(f"The interval is {interval:g} s; it may be {_OFTENEST:g} s or longer.")
    if follow and (once or not as_json):
        raise click.UsageError("--follow goes with --json, and not with --once.")
    from sse_signals.commands.top import run  # noqa: PLC0415 - what it needs takes long to import

    with told():
        hub = run.Hub(url, token, limit=limit, verify=not no_verify)
        if as_json:
            asyncio.run(run.print_json(hub, interval, follow=follow))
        elif once or sys.stdout is None or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            asyncio.run(run.print_once(hub, interval))
        else:
            coloured = click.get_current_context().color is not False
            sys.exit(asyncio.run(run.show_live(hub, interval, coloured=coloured)))
