"""``sse-signals token check``: what the hub would say to a token, and why."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click
import orjson

from sse_signals.auth.verifier import Check
from sse_signals.authenticators import authenticators
from sse_signals.clock import wall_clock_ms
from sse_signals.commands.paths import home_expanded
from sse_signals.commands.token.report import Verdict, document, lines
from sse_signals.errors import ConfigurationError, IssuerUnavailable, NotAuthenticated, NotRecognised
from sse_signals.identity import Identity
from sse_signals.interfaces import Credentials
from sse_signals.logs import adapt
from sse_signals.settings import load, variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sse_signals.authenticators import Assembled, Method
    from sse_signals.settings import Settings

_LONGEST: Final = 64 * 1024  # characters that are read of a token
_WIDEST: Final = 100  # columns
_PLAIN: Final = 80  # columns where there is no terminal
_LAST: Final = "identity"  # the check of what a token says, after all that any token has to pass
_INTERRUPTED: Final = 130  # as shells have it: 128 and the number of SIGINT
_NOBODY_HAS_TO: Final = (
    f"nobody has to authenticate: {variable('auth')} says how one does, for this command as for the hub."
)
_EPILOG: Final = """\b
Exit status:
  0    the hub would accept the token
  1    it would not, or cannot tell
  2    wrong arguments or settings
  130  interrupted with Ctrl-C
"""


@click.command(epilog=_EPILOG)
@click.argument("token", metavar="TOKEN|@FILE|-")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def check(token: str, *, as_json: bool) -> None:
    """Explain TOKEN: each check that the hub would make, and what the token is good for.

    With @ and a path it is read from that file, and with "-" from stdin, where neither the shell's history nor other
    users see it. The settings are those of the hub, from the same SIGNALS_… variables; keys are fetched from where they
    say. The token itself is not printed.
    """
    try:
        verdict = _judged(_given(token))
    except ConfigurationError as error:
        click.echo(f"sse-signals: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("sse-signals: interrupted.", err=True)
        sys.exit(_INTERRUPTED)
    if as_json:
        click.echo(orjson.dumps(document(verdict)))
    else:
        width = min(_WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _PLAIN
        for line in lines(verdict, width, _paint):
            click.echo(line)
    sys.exit(0 if verdict.identity is not None else 1)


def _given(token: str) -> str:
    if token == "-":  # noqa: S105 - a dash is no secret
        return _read()
    if not token.startswith("@"):
        return token
    path = home_expanded(token[1:])
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigurationError(f"The token file {str(path)!r} cannot be read: {error.strerror}.") from None


def _read() -> str:
    if sys.stdin.isatty():
        click.echo("Paste the token, then press Enter and Ctrl-D.", err=True)
    return sys.stdin.buffer.read(_LONGEST).decode("utf-8", "surrogateescape")


def _judged(text: str) -> Verdict:
    words = text.split()
    if len(words) == 2 and words[0].lower() == "bearer":  # as in the header that people copy
        del words[0]
    if len(words) != 1 or len(text) >= _LONGEST:
        raise click.UsageError("There has to be one token, and no blank in it.")
    settings = load(os.environ, {})
    if not settings.auth:
        raise ConfigurationError(_NOBODY_HAS_TO)
    return asyncio.run(_judge(settings, words[0]))


async def _judge(settings: Settings, token: str) -> Verdict:
    silent = logging.getLogger("sse_signals.token")
    silent.disabled = True  # what matters is in the checks
    assembled = await asyncio.to_thread(authenticators, settings, logger=adapt(silent))
    try:
        return await _explained(assembled, token)
    finally:
        await assembled.close()


async def _explained(assembled: Assembled, token: str) -> Verdict:
    now_ms = wall_clock_ms()
    passed_over: list[tuple[str, NotRecognised]] = []
    for method in assembled.methods:
        outcome = await _outcome(method, token)
        if isinstance(outcome, NotRecognised) and len(assembled.methods) > 1:
            passed_over.append((method.name, outcome))
            continue
        checks = await _checks(method, token, outcome)
        identity = assembled.rules.apply(outcome) if isinstance(outcome, Identity) else None
        return Verdict(method.name, passed_over, checks, identity, now_ms)
    return Verdict(None, passed_over, [], None, now_ms)


async def _outcome(method: Method, token: str) -> Identity | NotAuthenticated | IssuerUnavailable:
    try:
        return await method.authenticator.authenticate(Credentials(token))
    except (NotAuthenticated, IssuerUnavailable) as error:
        return error


async def _checks(
    method: Method, token: str, outcome: Identity | NotAuthenticated | IssuerUnavailable
) -> Sequence[Check]:
    """Return how a token fared, and as the last check what came of it, unless an earlier one says it."""
    checks: list[Check] = []
    if method.inspect is not None:
        with suppress(NotRecognised):
            checks = list(await method.inspect(token))
    if all(check.passed for check in checks) and not any(check.name == _LAST for check in checks):
        checks.append(_last(outcome))
    return checks


def _last(outcome: Identity | NotAuthenticated | IssuerUnavailable) -> Check:
    if isinstance(outcome, NotAuthenticated):
        return Check(_LAST, passed=False, detail=outcome.detail, cause=outcome.cause, hint=outcome.hint)
    if isinstance(outcome, IssuerUnavailable):
        return Check(_LAST, passed=None, detail=f"It cannot be told now: {outcome}.")
    return Check(_LAST, passed=True, detail=f"It is {outcome.subject!a}.")


def _paint(text: str, colour: str) -> str:
    return click.style(text, bold=True) if colour == "bold" else click.style(text, colour)
