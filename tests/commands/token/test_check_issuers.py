"""``sse-signals token check`` where keys and owned groups are fetched: it asks as the hub would."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any
from unittest import mock

from sse_signals.authenticators import Assembled, Method
from sse_signals.clock import wall_clock_ms
from sse_signals.errors import IssuerUnavailable
from sse_signals.rules import NO_RULES
from tests.auth.backstage_issuer import JANE, Backstage, backstage
from tests.auth.issuer import Clock, Issuer, signing_key
from tests.auth.issuer_server import serving
from tests.commands.token.checked import CHECKS, fact, rows
from tests.commands.token.running import JWT, token


async def explained(*arguments: str, variables: dict[str, str], **how: Any) -> tuple[int, str]:
    """Run the command as a process while servers of this one answer; return its exit status and output."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", "token", "check", *arguments),
        env={**inherited, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        **how,
    )
    async with asyncio.timeout(30):
        stdout, stderr = await process.communicate()
    assert stderr == b""
    assert process.returncode is not None
    return process.returncode, stdout.decode()


def here() -> Clock:
    """Return a clock that shows the time of day."""
    return Clock(wall_clock_ms())


async def test_keys_are_fetched() -> None:
    """With a JWKS URL the issuer is asked as the hub would; when it is down nobody can tell."""
    issuer = Issuer(clock=here())
    async with serving() as server:
        server.publish(signing_key())
        variables = {"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_JWKS_URL": server.at()}
        status, text = await explained(issuer.token(), variables=variables)
        assert (status, rows(text)) == (0, dict.fromkeys(CHECKS, "passed"))
        server.answers.clear()
        status, text = await explained(issuer.token(), variables=variables)
        assert (status, rows(text)["key"], rows(text)["signature"]) == (1, "not reached", "not reached")
        assert "cannot be told now" in text.splitlines()[-1]


async def test_backstage_tokens() -> None:
    """A user's shows what Backstage says is owned; a plugin's that it publishes as itself and nothing else."""
    issuer: Backstage
    async with backstage() as issuer:
        issuer.clock.now_ms = wall_clock_ms()
        issuer.groups[JANE] = ["group:default/team"]
        variables = {"SIGNALS_AUTH": "backstage", "SIGNALS_BACKSTAGE_URL": issuer.server.url}
        status, text = await explained(issuer.user(), variables=variables)
        assert (status, rows(text)) == (0, dict.fromkeys(CHECKS, "passed"))
        assert fact(text, "Owns") == f"group:default/team, {JANE}"
        status, text = await explained(issuer.plugin(), variables=variables)
        assert (status, fact(text, "Subject")) == (0, "plugin:catalog")
        assert fact(text, "Publish") == "catalog, catalog:* of all that, only catalog, catalog:*"
        status, text = await explained(made_elsewhere(), variables=variables)
        assert (status, rows(text)) == (1, {"identity": "failed"})
        issuer.down()
        status, text = await explained(issuer.user(ent=[]), variables=variables)
        assert (status, rows(text)["key"]) == (1, "not reached")


def made_elsewhere() -> str:
    """Return a token that is none of Backstage's."""
    return Issuer(clock=here()).token()


async def test_ownership_that_nobody_can_tell() -> None:
    """Where the token is good but what is owned cannot be fetched, that is what the last check says."""
    async with backstage() as issuer:
        issuer.clock.now_ms = wall_clock_ms()
        issuer.server.answers.pop("/api/auth/v1/userinfo")
        variables = {"SIGNALS_AUTH": "backstage", "SIGNALS_BACKSTAGE_URL": issuer.server.url}
        status, text = await explained(issuer.user(), variables=variables)
        assert (status, rows(text)["signature"], rows(text)["identity"]) == (1, "passed", "not reached")


def test_an_issuer_out_of_reach_after_all_checks() -> None:
    """Whatever cannot be told is told as that, and not as a refusal."""
    authenticator = mock.Mock(authenticate=mock.AsyncMock(side_effect=IssuerUnavailable("there was\x1b[31m no answer")))
    assembled = Assembled((Method("elsewhere", authenticator),), NO_RULES, (), ())
    with mock.patch("sse_signals.commands.token.check.authenticators", return_value=assembled):
        done = token("check", "x", **JWT)
    assert (done.status, rows(done.stdout)) == (1, {"identity": "not reached"})
    assert r"cannot be told now: there was\x1b[31m no answer." in done.stdout
    assert "Whether the hub would accept it (elsewhere) cannot be told now." in done.stdout
