"""Running ``sse-signals token``, and reading what it makes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

import jwt
from click.testing import CliRunner

from sse_signals.cli import main
from sse_signals.interfaces import Credentials
from tests.commands.running import Done

if TYPE_CHECKING:
    from sse_signals.identity import Identity
    from sse_signals.interfaces import Authenticator

SECRET = "0123456789abcdef0123456789abcdef"
JWT = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": SECRET}
MEANT = {**JWT, "SIGNALS_JWT_ISSUER": "https://dev.example", "SIGNALS_JWT_AUDIENCE": "signals, other"}


def token(*arguments: str, stdin: str | bytes = "", **variables: str) -> Done:
    """Run the command in this process, with these settings and no others."""
    with mock.patch.dict(os.environ):
        for name in [name for name in os.environ if name.startswith("SIGNALS_")]:
            del os.environ[name]
        result = CliRunner().invoke(main, ["token", *arguments], env=variables, input=stdin)
    return Done(result.exit_code, result.stdout, result.stderr)


def made(*arguments: str, **variables: str) -> str:
    """Return the token that the command makes."""
    done = token(*arguments, **{**JWT, **variables})
    assert (done.status, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    return done.stdout.strip()


def claims(text: str) -> dict[str, Any]:
    """Return a token's claims."""
    found: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return found


def known(authenticator: Authenticator, text: str) -> Identity:
    """Return who an authenticator says shows a token."""
    found: list[Identity] = []

    async def ask() -> None:
        found.append(await authenticator.authenticate(Credentials(text)))

    asyncio.run(ask())
    return found[0]
