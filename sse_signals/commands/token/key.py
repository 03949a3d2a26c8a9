"""``sse-signals token key``: an API key, and what the hub's file of rules has to say of it."""

from __future__ import annotations

import json
from typing import Any, Final

import click
import orjson
from marshmallow import ValidationError

from sse_signals.auth import rules_fields
from sse_signals.auth.api_keys import new_key
from sse_signals.commands.token.granting import granted, granting
from sse_signals.settings import variable

_EXAMPLE: Final = {"publish": ["orders/*"]}  # what a rule looks like, if nobody says what the key may do
_EPILOG: Final = """\b
Exit status:
  0    the key is printed
  2    wrong arguments
  130  interrupted with Ctrl-C

\b
Examples:
  sse-signals token key ci --publish 'orders/*'
  sse-signals token key prometheus --admin
"""


@click.command(epilog=_EPILOG)
@click.argument("name")
@granting
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def key(name: str, *, as_json: bool, **asked: Any) -> None:
    """Make an API key for a program called NAME.

    Prints the key, which nobody can find out again, and the lines for the hub's file of rules. The options say what
    its rule grants; those that name something can be repeated.
    """
    made, digest = new_key()
    try:
        rules_fields.members({"name": name, "sha256": digest}, rules_fields.KEY, "a key")
    except ValidationError as error:
        raise click.BadParameter(f"The {error.messages[0]}", param_hint="NAME") from None
    grants = granted(**asked)
    rule = {"who": [f"key:{name}"], **(grants or _EXAMPLE)}
    if as_json:
        document = {"name": name, "key": made, "sha256": digest, "rule": rule if grants else None}
        click.echo(orjson.dumps(document))
        return
    click.echo("The key itself, for who shows it; it is shown only now:\n")
    click.secho(f"  {made}\n", bold=True)
    click.echo(f"The key and what it may do, for the hub's file of rules ({variable('rules')}):\n")
    click.secho(f'  [[key]]\n  name = "{name}"\n  sha256 = "{digest}"\n', fg="cyan")
    click.secho("  [[rule]]\n" + "\n".join(f"  {_line(*member)}" for member in rule.items()), fg="cyan")


def _line(name: str, value: Any) -> str:
    """Return a member in TOML, whose strings, arrays and booleans are those of JSON."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}"
