"""What README.md and IDENTITY.md say of who may do what is true: lines are run, files read, causes compared."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web

from sse_signals import ConfigurationError, EventBroker, SignalsService, authentication
from sse_signals.auth import api_keys, backstage, causes, grants_claim, rules_file
from sse_signals.life import ticket_causes
from sse_signals.server import running
from sse_signals.settings import load
from tests.e2e.browser import chromium
from tests.pages import claimed, section
from tests.test_readme import DEADLINE
from tests.test_readme_clients import blockbuster  # noqa: F401 - a fixture
from tests.web.doors import until
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sse_signals.server import Running

COMMANDS = Path(sys.executable).parent
TRY = claimed("README.md", "Who may do what")
OWN = claimed("deploy/IDENTITY.md", "In an application of your own")
GRANTS = claimed("deploy/IDENTITY.md", "Grants and rules", "json")
TICKET = claimed("deploy/IDENTITY.md", "Where credentials travel")


def in_shell(lines: list[str], shown: str) -> str:
    """Run lines of shell as somebody types them, and return what they leave in a variable."""
    environment = {"PATH": f"{COMMANDS}:{os.environ['PATH']}"}
    script = "\n".join([*lines, f'printf "%s" "${shown}"'])
    return subprocess.run(["bash", "-euc", script], env=environment, capture_output=True, check=True, text=True).stdout


@pytest.mark.prints_secrets("its shell hands over the tokens that the lines make")
async def test_the_lines_to_try_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, two tokens, a stream and a publish: what is targeted arrives, as the example promises."""
    lines = TRY[0].code.splitlines()
    export, tokens = lines[0], [line for line in lines if "sse-signals token" in line]
    secret = await asyncio.to_thread(in_shell, [export], "SIGNALS_JWT_SECRET")
    fixed = f"export SIGNALS_AUTH=jwt SIGNALS_JWT_SECRET={secret}"
    ann, backend = [await asyncio.to_thread(in_shell, [fixed, *tokens], name) for name in ("ANN", "BACKEND")]
    settings = load({"SIGNALS_AUTH": "jwt", "SIGNALS_JWT_SECRET": secret}, {"port": 0})
    async with running(settings, structlog.get_logger("sse_signals")) as hub, asyncio.timeout(DEADLINE):
        monkeypatch.setitem(os.environ, "ANN", ann)
        typed = [line.removesuffix(" &").replace("http://127.0.0.1:8080", hub.url[:-8]) for line in lines]
        listen, publish = (shlex.split(line) for line in typed if line.startswith("curl"))
        listener = await start(listen, ann, backend)
        assert listener.stdout is not None
        assert b'"subject":"user:default/ann"' in await listener.stdout.readuntil(b"\n\n")
        publisher = await start(publish, ann, backend)
        assert (await publisher.communicate())[0].startswith(b'{"id":"')
        assert b'"message":"for ops only"' in await listener.stdout.readuntil(b"\n\n")
        listener.terminate()
        await listener.wait()
        await check_ticket(hub, ann, lambda: start(publish, ann, backend))


async def check_ticket(hub: Running, token: str, publish: Callable[[], Awaitable[asyncio.subprocess.Process]]) -> None:
    """In a browser, the lines that ask for a ticket open a stream of whom the token names."""
    listen = f"async (token) => {{ {TICKET[0].code} return new Promise((then) => {{ source.onmessage = then; }})"
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{hub.url}/console")
        message = asyncio.create_task(
            page.evaluate(f"{listen}.then(({{ data }}) => JSON.parse(data).message); }}", token)
        )
        await until(lambda: hub.service.streams == 1)
        await (await publish()).communicate()
        assert await message == "for ops only"


async def start(words: list[str], ann: str, backend: str) -> asyncio.subprocess.Process:
    """Run a command of the README with its two variables."""
    filled = [word.replace("$ANN", ann).replace("$BACKEND", backend) for word in words]
    return await asyncio.create_subprocess_exec(*filled, stdout=-1, stderr=-3)


async def test_an_application_with_sessions_of_its_own() -> None:
    """The example lets in who is signed in, by header or cookie, and says why it does not let in others."""
    example = OWN[0].code
    app = web.Application()
    names = {"app": app, "event_broker": EventBroker.from_url("memory://"), "SignalsService": SignalsService}
    exec(example, names)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"{site.name}/signals"
        for headers, status, text in (
            ([], 401, "no-credentials"),
            (["Authorization: Bearer somebody"], 401, "signed-out"),
            (["Authorization: Bearer a-session-of-ann"], 200, '"subject":"user:default/ann"'),
            (["Cookie: session=a-session-of-ann", "Sec-Fetch-Site: same-origin"], 200, '"subject":"user:default/ann"'),
        ):
            answer = await ask(url, request("GET", "/signals/stream?poll=1", *headers))
            assert answer.status == status
            assert text in answer.body.decode()
    finally:
        await runner.cleanup()


def test_an_authentication_made_from_settings() -> None:
    """Settings of the command make the authentication of an application; unknown ones and bad values are refused."""
    made = authentication(auth="jwt", jwt_secret="s" * 32, anonymous=True, expiring=5)
    assert (len(made.authenticators), made.anonymous, made.expiring) == (1, True, 5)
    wrongs: list[dict[str, Any]] = [
        {"auth": "jwt", "jwt_secrets": "s" * 32},
        {"auth": "jwt"},
        {"auth": "jwt", "jwt_secret": "short"},
        {},
    ]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError):
            authentication(**wrong)


def test_the_file_of_rules(tmp_path: Path) -> None:
    """The file of rules is one, and grants what its comments say."""
    (example,) = claimed("deploy/IDENTITY.md", "Grants and rules", "toml")
    path = tmp_path / "rules.toml"
    path.write_text(example.code)
    path.chmod(0o600)
    found = rules_file.load(path)
    assert list(found.rules.private) == ["audit/*", "hr:*"]
    assert len(found.rules.rules) == 2
    assert set(found.keys) == {"ci"}


def test_what_a_token_may_hold() -> None:
    """The grants of the example are those of a token: what they allow is read from its claims."""
    claims = json.loads(GRANTS[0].code)
    found = grants_claim.read_grants(claims["signals"])
    assert [len(found.publish), found.admin] == [2, False]


def test_the_causes_of_a_401() -> None:
    """Every cause of a refusal stands in the table, and the table has no other."""
    table = section("deploy/IDENTITY.md", "When it says 401")
    listed = set(re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE))))
    modules: list[Any] = [causes, ticket_causes, api_keys, backstage]
    known = set().union(*(getattr(module, "HINTS", {}) for module in modules))
    others = {"bad-authorization", "no-credentials", "unknown-token", "revoked", "expired"}
    assert listed >= known
    assert listed - known - others <= {
        "unknown-api-key",
        "unknown-type",
        "ownership-refused",
        "ownership-unknown",
        "unknown-plugin",
    }
