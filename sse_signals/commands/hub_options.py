"""Options of the commands that talk to a hub: where it is, and who asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, cast

import click

from sse_signals.client.tokens import checked_token
from sse_signals.commands.paths import home_expanded
from sse_signals.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from ssl import SSLContext

    from sse_signals.client.tokens import TokenSource

    Command = Callable[..., Any]

DEFAULT_URL: Final = "http://127.0.0.1:8080/signals"
URL_VARIABLE: Final = "SIGNALS_URL"
TOKEN_VARIABLE: Final = "SIGNALS_TOKEN"  # noqa: S105 - the name of a variable
_STDIN: Final = "-"
_FILE: Final = "@"
_STDIN_TAKEN: Final = "sse_signals.stdin"


class TokenOption(click.ParamType["TokenSource"]):
    """A token, ``@`` and the path of a file that holds one, or ``-`` for stdin. Errors never tell what was given."""

    name = "token"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> TokenSource:
        """Return the token, or for a file what reads it whenever a token is needed: others may renew it meanwhile."""
        if callable(value):
            return value  # type: ignore[no-any-return] # click converts twice where a default is converted
        try:
            if value == _STDIN:
                if ctx is not None:
                    ctx.meta[_STDIN_TAKEN] = True
                return checked_token(_from_stdin())
            if value.startswith(_FILE):
                read = _reader(home_expanded(value[1:]))
                read()
                return read
            return checked_token(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


def stdin_is_taken(context: click.Context) -> bool:
    """Say whether the token has come from stdin, so that nothing else can."""
    return _STDIN_TAKEN in context.meta


def shown(token: TokenSource) -> str | None:
    """Return the token as it is now; options give no function but one that reads a file."""
    return cast("str | None", token() if callable(token) else token)


def any_certificate() -> SSLContext:
    """Return what ``--no-verify`` means for TLS."""
    import ssl  # noqa: PLC0415 - it takes long, and few want it

    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    return tls


def url_option(command: Command) -> Command:
    """Give a command ``--url``, for those whose arguments are something else."""
    return click.option(
        "--url", envvar=URL_VARIABLE, default=DEFAULT_URL, show_default=True, show_envvar=True, help="Where the hub is."
    )(command)


def url_argument(command: Command) -> Command:
    """Give a command the argument ``url``, for those that are about one hub and nothing else."""
    return click.argument("url", envvar=URL_VARIABLE, default=DEFAULT_URL)(command)


def access_options(command: Command) -> Command:
    """Give a command ``--token`` and ``--no-verify``."""
    command = click.option("--no-verify", is_flag=True, help="Take any certificate.")(command)
    return click.option(
        "--token",
        type=TokenOption(),
        envvar=TOKEN_VARIABLE,
        show_envvar=True,
        metavar="TOKEN|@FILE|-",
        help="Bearer token, a file that holds it, or - for stdin.",
    )(command)


def _from_stdin() -> str:
    if sys.stdin is None:
        raise ConfigurationError("The token cannot come from stdin, which is closed: write @FILE.")
    try:
        return sys.stdin.readline().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"The token cannot be read from stdin: {reason}.") from None


def _reader(path: Path) -> Callable[[], str | None]:
    def read() -> str | None:
        try:
            return checked_token(path.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigurationError(f"The token file {str(path)!r} cannot be read: {reason}.") from None

    return read
