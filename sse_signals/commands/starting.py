"""What ``serve`` and ``check`` share: an option for each setting, and what is allowed and yet unwise."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from sse_signals.setting_kinds import SHARED_BROKERS
from sse_signals.settings import Settings, loopback, option, variable

if TYPE_CHECKING:
    from collections.abc import Callable


def setting_options(command: Callable[..., None]) -> Callable[..., None]:
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


def warn(settings: Settings, logger: Any) -> None:
    """Say once, before the start, what is allowed and fails only later: nobody sees that secrets differ.

    Args:
        settings: What is set.
        logger: A structlog logger.
    """
    if settings.auth and settings.secret is None and settings.broker.startswith(SHARED_BROKERS):
        hint = (
            f"Give all hubs of this log the same {variable('secret')}, or a stream that a ticket opened cannot go on "
            "at another hub, nor here after a restart."
        )
        logger.warning("the cookies of tickets are good at this hub only", not_set=[variable("secret")], hint=hint)


def warn_of_open_door(settings: Settings, logger: Any) -> None:
    """Say, once the hub listens, that everybody may come in.

    Args:
        settings: What is set.
        logger: A structlog logger.
    """
    if settings.insecure and not loopback(settings.host):
        hint = f"Set {variable('auth')}, or see to it that only those can reach the hub who may do everything."
        logger.warning("nobody has to authenticate: who reaches the hub may publish and read everything", hint=hint)
