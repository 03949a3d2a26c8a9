"""``sse-signals serve``: the hub."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import click
import structlog

from sse_signals import logs, server, workers
from sse_signals.errors import ConfigurationError
from sse_signals.setting_kinds import SHARED_BROKERS
from sse_signals.settings import Settings, load, option, variable

if TYPE_CHECKING:
    from collections.abc import Callable


def _setting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option for each setting. Values stay text, so that options and variables are read alike."""
    for field in reversed(fields(Settings)):
        flag = isinstance(field.default, bool)
        default = "" if flag else f"; default {field.default}" if field.default else ""
        purpose = field.metadata["purpose"]
        command = click.option(
            option(field.name),
            field.name,
            is_flag=flag,
            default=None,
            metavar=None if flag else "VALUE",
            help=f"{purpose[0].upper()}{purpose[1:]} ({variable(field.name)}{default}).",
        )(command)
    return command


@click.command()
@click.option("--examples", is_flag=True, help="Print two curl lines to try once the hub listens.")
@_setting_options
def serve(*, examples: bool, **options: Any) -> None:
    """Run the hub until SIGTERM or Ctrl-C.

    With several workers, SIGHUP replaces them one after another, and has them read files again.

    Every option can also be set by the environment variable in brackets.
    """
    logs.configure(terminal=sys.stderr.isatty())
    try:
        settings = load(os.environ, options)
        listening = partial(_print_examples, bearer=settings.auth) if examples else _nothing
        hub = workers if settings.workers > 1 else server
        logger = structlog.get_logger("sse_signals")
        _warn(settings, logger)
        asyncio.run(hub.serve(settings, logger, listening))
    except ConfigurationError as error:
        click.echo(f"sse-signals: {error}", err=True)
        sys.exit(2)


def _warn(settings: Settings, logger: Any) -> None:
    """Say once what is allowed, and fails only later: nobody sees that hubs do not have the same secret."""
    if settings.auth and settings.secret is None and settings.broker.startswith(SHARED_BROKERS):
        hint = (
            f"Give all hubs of this log the same {variable('secret')}, or a stream that a ticket opened cannot go on "
            "at another hub, nor here after a restart."
        )
        logger.warning("the cookies of tickets are good at this hub only", not_set=[variable("secret")], hint=hint)


def _print_examples(url: str, *, bearer: object) -> None:
    curl = 'curl -H "Authorization: Bearer $TOKEN"' if bearer else "curl"
    with suppress(OSError):  # nobody reads it: the hub is there all the same
        click.echo(f"Listen:   {curl} -N '{url}/stream?topic=hello'")
        click.echo(f"Publish:  {curl} -d 'hello world' '{url}/publish?topic=hello'")
        sys.stdout.flush()


def _nothing(_url: str) -> None:
    pass
