"""``sse-signals token``: tokens for development, and API keys."""

from __future__ import annotations

import os
import secrets
import sys
from typing import TYPE_CHECKING, Any, Final

import click
import jwt

from sse_signals.clock import wall_clock_ms
from sse_signals.commands.failures import HELP
from sse_signals.commands.token.check import check
from sse_signals.commands.token.granting import claim, granted, granting
from sse_signals.commands.token.key import key
from sse_signals.commands.token.report import span
from sse_signals.commands.token.values import REF, SUBJECT, TEXT, Lifetime
from sse_signals.errors import ConfigurationError
from sse_signals.key_files import shared_secrets
from sse_signals.settings import load, variable

if TYPE_CHECKING:
    from sse_signals.auth.keys import Key
    from sse_signals.settings import Settings

_NO_SECRET: Final = (
    f"there is no secret to sign tokens with: set {variable('auth')}=jwt and {variable('jwt_secret')}, for the hub as "
    "for this command; \"python3 -c 'import secrets; print(secrets.token_urlsafe(32))'\" makes one."
)
_EPILOG: Final = """\b
Exit status:
  0    the token is printed
  2    wrong arguments or settings, or there is no secret to sign with
  130  interrupted with Ctrl-C

\b
Examples:
  export SIGNALS_AUTH=jwt SIGNALS_JWT_SECRET=…
  TOKEN=$(sse-signals token --subject user:default/ann --owns group:ops)
  curl -NH "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/signals/stream
"""


@click.group(context_settings=HELP, invoke_without_command=True, epilog=_EPILOG, subcommand_metavar="[COMMAND]")
@click.option("--subject", type=SUBJECT, metavar="NAME", help="Who it is for, such as user:default/ann.")
@click.option("--owns", type=REF, multiple=True, metavar="REF", help="Entity ref that they own, besides themselves.")
@granting
@click.option(
    "--expires", type=Lifetime(), default="1h", show_default=True, metavar="TIME", help="90, 30s, 5m, 1h, 7d."
)
@click.option("--issuer", type=TEXT, help="Its iss.  [default: SIGNALS_JWT_ISSUER]")
@click.option("--audience", type=TEXT, help="Its aud.  [default: the first of SIGNALS_JWT_AUDIENCE]")
@click.option("--type", "typ", type=TEXT, help="Its typ.  [default: SIGNALS_JWT_TYPE, or JWT]")
@click.option("--id", "jti", type=TEXT, help="Its jti, by which it can be revoked.  [default: a random one]")
@click.pass_context
def token(context: click.Context, /, **asked: Any) -> None:
    """Make a token for development, signed with SIGNALS_JWT_SECRET.

    The settings are those of the hub, from the same SIGNALS_… variables. Only the token goes to stdout. The options
    that name what one owns or may do can be repeated.
    """
    command = context.invoked_subcommand
    if command is not None:
        source = next((name for name in asked if _was_given(context, name)), None)
        if source is not None:
            raise click.UsageError(f"The options of 'token' make a token: write those of {command!r} behind its name.")
        return
    try:
        settings = load(os.environ, {})
        made = _made(settings, _signing_key(settings), **asked)
    except ConfigurationError as error:
        click.echo(f"sse-signals: {error}", err=True)
        sys.exit(2)
    click.echo(made)
    if sys.stderr.isatty():
        note = f"For {asked['subject']}, for {span(asked['expires'])}. Explained by: sse-signals token check -"
        click.secho(note, dim=True, err=True)


def _signing_key(settings: Settings) -> Key:
    keys = shared_secrets(settings)
    if not keys:
        raise ConfigurationError(_NO_SECRET)
    return keys[0]


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _made(
    settings: Settings,
    signing: Key,
    *,
    subject: str | None,
    owns: tuple[str, ...],
    expires: int,
    issuer: str | None,
    audience: str | None,
    typ: str | None,
    jti: str | None,
    **may: Any,
) -> str:
    if subject is None:
        raise click.UsageError("Missing option '--subject', such as '--subject user:default/ann'.")
    if expires > settings.token_lifetime:
        raise click.UsageError(
            f"The hub accepts tokens of at most {span(int(settings.token_lifetime))}: ask for less with --expires, or "
            f"raise {variable('token_lifetime')}."
        )
    now = wall_clock_ms() // 1000
    claims: dict[str, Any] = {
        "iss": issuer or settings.jwt_issuer,
        "aud": audience or next(iter(settings.jwt_audience), None),
        "sub": subject,
        "iat": now,
        "exp": now + expires,
        "jti": jti or secrets.token_hex(8),
        settings.jwt_owns_claim: list(owns),
        settings.jwt_grants_claim: claim(granted(**may)),
    }
    given = {name: value for name, value in claims.items() if value}
    return jwt.encode(
        given, signing.material, algorithm=signing.algorithm, headers={"typ": typ or settings.jwt_type or "JWT"}
    )


token.add_command(check)
token.add_command(key)
