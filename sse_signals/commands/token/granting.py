"""What somebody may do, as options: for a token, and for the rule of an API key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from sse_signals.commands.token.values import FILTER, PLUGIN, REFS

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: Final = (
    click.option(
        "--publish", type=FILTER, multiple=True, metavar="FILTER", help="Topic they may publish to, or prefix*."
    ),
    click.option("--plugin", type=PLUGIN, multiple=True, metavar="ID", help="Plugin they may publish as."),
    click.option(
        "--target",
        type=REFS,
        multiple=True,
        metavar="REF",
        help="Whom all these signals have to target: an entity ref, or prefix*.",
    ),
    click.option(
        "--subscribe",
        type=FILTER,
        multiple=True,
        metavar="FILTER",
        help="Topic they may read even if it is private, or prefix*. With it, all others only if a rule says so.",
    ),
    click.option("--admin", is_flag=True, help="Let them see streams and metrics, revoke, drain, explain."),
)


def granting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that `granted` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def granted(
    *,
    publish: tuple[str, ...],
    plugin: tuple[str, ...],
    target: tuple[str, ...],
    subscribe: tuple[str, ...],
    admin: bool,
) -> dict[str, Any]:
    """Return the members of a rule; only those that grant something.

    Raises:
        UsageError: There are targets, but nothing that they bound.
    """
    if target and not (publish or plugin):
        raise click.UsageError("--target bounds what one may publish: name that with --publish or --plugin.")
    members = {
        "publish": list(publish),
        "plugins": list(plugin),
        "targets": list(target),
        "subscribe": list(subscribe),
        "admin": admin,
    }
    return {name: value for name, value in members.items() if value}


def claim(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the same as a token says it: plugins and targets belong to one entry of what one may publish."""
    rest = {name: value for name, value in rule.items() if name not in {"publish", "plugins", "targets"}}
    entry = {name: rule[member] for name, member in _ENTRY.items() if member in rule}
    if not entry:
        return rest
    return {"publish": rule["publish"] if set(entry) == {"topics"} else [entry], **rest}


_ENTRY: Final = {"topics": "publish", "plugins": "plugins", "targets": "targets"}
