"""``sse-signals serve``: the hub."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import structlog

from sse_signals import logs, server, systemd, workers
from sse_signals.commands.failures import HELP
from sse_signals.commands.starting import setting_options, warn, warn_of_open_door
from sse_signals.errors import ConfigurationError
from sse_signals.settings import DEFAULT, examine, load

if TYPE_CHECKING:
    from sse_signals.settings import Settings

_EPILOG = """\b
Exit status:
  0    it was told to end, by SIGTERM, Ctrl-C or POST /signals/drain, and has
       ended in good order
  1    a worker could not be started, or something nobody foresaw: the last
       line says what
  2    wrong settings, or what they name cannot be had: a port, a file

A log in Redis or NATS that cannot be reached is waited for: the hub is not
ready before (GET /signals/health/ready).
"""


@click.command(context_settings=HELP, epilog=_EPILOG)
@click.option("--examples", is_flag=True, help="Print what to try once the hub listens.")
@setting_options
def serve(*, examples: bool, **options: Any) -> None:
    """Run the hub until SIGTERM, Ctrl-C or an order to drain; a second Ctrl-C has it hurry.

    With several workers, SIGHUP replaces them one after another, and has them read files again.

    Every option can also be set by the environment variable in brackets.
    """
    logs.configure(terminal=sys.stderr.isatty())
    try:
        settings = load(os.environ, options)
        heard = systemd.told(os.environ, os.getpid())
        sockets = systemd.inherited(heard.sockets) or None
        if sockets is not None:
            found = [each for each in examine(os.environ, options).found if each.name in systemd.PLACE]
            given = [each.named for each in found if each.origin != DEFAULT]
            settings = systemd.at(settings, given, sockets)
        hub = workers if settings.workers > 1 else server
        logger = structlog.get_logger("sse_signals")
        warn(settings, logger)
        begun = partial(_begun, settings, logger, examples=examples)
        asyncio.run(hub.serve(settings, logger, begun, sockets=sockets, heard=heard))
    except ConfigurationError as error:
        click.echo(f"sse-signals: {error}", err=True)
        sys.exit(2)


def _begun(settings: Settings, logger: Any, url: str, *, examples: bool) -> None:
    """Say what there is to say once the hub listens."""
    warn_of_open_door(settings, logger)
    if examples:
        _print_examples(url, bearer=settings.auth)


def _print_examples(url: str, *, bearer: object) -> None:
    curl = 'curl -H "Authorization: Bearer $TOKEN"' if bearer else "curl"
    with suppress(OSError):  # nobody reads it: the hub is there all the same
        click.echo(f"Listen:   {curl} -N '{url}/stream?topic=hello'")
        click.echo(f"Publish:  {curl} -d 'hello world' '{url}/publish?topic=hello'")
        click.echo(f"Console:  {url}/console")
        sys.stdout.flush()
