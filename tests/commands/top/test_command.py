from __future__ import annotations

import asyncio
import json
import logging
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from aiohttp import web
from click.testing import CliRunner

from sse_signals.commands.top import hub as top_hub
from sse_signals.commands.top.command import top
from tests.authenticated import ADMIN, house
from tests.commands.top import overviews as told
from tests.web.test_tls import open_door  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp
    from click.testing import Result

    from sse_signals.server import Running
    from tests.web.test_tls import OpenDoor

OFTEN = ("--interval", "0.1")


async def topped(url: str, *arguments: str) -> Result:
    """Run the command in a thread of this process."""
    return await asyncio.to_thread(CliRunner().invoke, top, ["--url", url, *OFTEN, *arguments])


async def failed(url: str, *arguments: str, status: int) -> str:
    """Run the command, which has to fail with one sentence, and return that."""
    done = await topped(url, *arguments)
    assert (done.exit_code, done.stdout) == (status, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("sse-signals: ")
    return line.removeprefix("sse-signals: ")


def problem(status: int, kind: str, **members: str) -> web.Response:
    """Return what a hub refuses with."""
    document = {"type": f"urn:sse-signals:problem:{kind}", "title": "No", "status": status, **members}
    return web.Response(status=status, text=json.dumps(document), content_type="application/problem+json")


async def test_a_hub_is_pictured_once(hub: Running, http: aiohttp.ClientSession) -> None:
    """Where there is no terminal it prints who is there, and ends."""
    async with http.get(f"{hub.url}/stream?topic=orders/*") as stream:
        await stream.content.readline()
        done = await topped(hub.url)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert hub.url in done.stdout
    assert "1 stream · 0 behind · up " in done.stdout
    row = next(line for line in done.stdout.splitlines() if "orders/*" in line)
    assert " live " in row
    assert " 127.0.0.1" in row


async def test_programs_get_what_the_hub_says_with_rates(hub: Running, http: aiohttp.ClientSession) -> None:
    """One JSON object, of as many streams as are asked for."""
    async with http.get(f"{hub.url}/stream?topic=a"), http.get(f"{hub.url}/stream?topic=b"):
        done = await topped(hub.url, "--json", "--limit", "1")
    found = json.loads(done.stdout)
    assert done.exit_code == 0
    assert found["rates"]["closed"] == {}
    assert found["nodes"][0]["streams"]["open"] == 2
    assert len(found["streams"]) == 1


async def test_programs_may_follow() -> None:
    """One line for each interval, until the hub goes."""
    looks = iter(range(4))

    def says() -> Any:
        at = next(looks, None)
        return (
            web.Response(status=503) if at is None else told.overview(at, nodes=[told.node(at=at, delivered=at * 10)])
        )

    async with told.standing_in(says) as server:
        done = await topped(server.url, "--json", "--follow")
    assert [json.loads(line)["rates"]["delivered"] for line in done.stdout.splitlines()] == [10, 10, 10]
    assert done.exit_code == 3
    assert "503" in done.stderr


async def test_json_shows_nothing_to_a_terminal_but_itself() -> None:
    """Whatever streams are called, each line is visible ASCII."""
    name = "\x1b[2J\x9b\u202e\x7f"
    async with told.standing_in(told.overview(streams=[told.stream(subject=name)])) as server:
        done = await topped(server.url, "--json")
    (line,) = done.stdout.splitlines()
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["streams"][0]["subject"] == name


async def test_it_takes_an_administrator(tmp_path: Path) -> None:
    """Who shows no token, or one without the grant, reads one sentence; a token may be in a file."""
    silent = structlog.make_filtering_bound_logger(logging.CRITICAL)  # what a hub logs is not what the command prints
    async with house(logger=structlog.wrap_logger(None, wrapper_class=silent)) as at:
        admin, other = at.tokens.issue("user:default/ann", grants=ADMIN), at.tokens.issue("user:default/bob")
        said = await failed(at.url, status=4)
        assert said.startswith("no-credentials: ")
        assert "admin" in await failed(at.url, "--token", other, status=4)
        assert "unknown-key" in await failed(at.url, "--token", "token-that-is-none", status=4)
        await asyncio.to_thread((tmp_path / "token").write_text, admin)
        for token in (admin, f"@{tmp_path}/token"):
            done = await topped(at.url, "--token", token, "--once")
            assert (done.exit_code, done.stderr) == (0, "")
        assert admin not in done.output


async def test_where_there_is_no_hub() -> None:
    """Nobody, somebody else, and a hub that is too old: one sentence each, which says where."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/signals"
    assert await failed(url, status=3) == f"{url} cannot be reached: Connection refused."
    assert "no URL of a hub" in await failed("ftp://h", status=2)
    async with told.standing_in() as server:
        other = server.url.replace("/signals", "/other")
        said = await failed(other, status=4)
        assert said.startswith(f"404 Not Found: {other} has no overview of streams: it is no hub, or older than this")
        for says, status, part in [
            (web.Response(text="<html>"), 3, "is no JSON, and so no hub's"),
            (["a"], 3, "is no overview of streams that this version can read: the answer is no object"),
            (web.Response(status=302, headers={"Location": "/x"}), 3, "redirects are not followed"),
            (problem(503, "starting", detail="The hub is starting."), 3, "The hub is starting."),
            (problem(400, "bad-parameter", detail="There is no limit.", hint="Mend it."), 2, "There is no limit."),
        ]:
            server.says = says
            assert part in await failed(server.url, status=status)
    assert all("Cookie" not in request.headers and "?limit=200" in request.path_qs for request in server.asked)


async def test_any_certificate_will_do_if_that_is_said(
    open_door: OpenDoor,  # noqa: F811
) -> None:
    """One that nobody vouches for ends it with the reason, and --no-verify takes it."""
    async with open_door() as door:
        url = door.url.removesuffix("/stream")
        said = await failed(url, status=3)
        assert said.startswith(f"{url} cannot be reached: its certificate is not valid")
        done = await topped(url, "--no-verify")
        assert (done.exit_code, done.stderr) == (0, "")


async def test_an_answer_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not come, or does not end, is not waited for."""
    async with told.standing_in(told.overview()) as server:
        with monkeypatch.context() as patched:
            patched.setattr(top_hub, "MOST", 10)
            assert "answers with more than 10 bytes" in await failed(server.url, status=3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(top_hub, "PATIENCE", 0.1)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert await failed(url, status=3) == f"{url}/signals cannot be reached: no answer within 0.1 s."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--interval", "0.05"], "The interval is 0.05 s; it may be 0.1 s or longer."),
        (["--follow"], "--follow goes with --json"),
        (["--follow", "--json", "--once"], "--follow goes with --json, and not with --once"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_wrong_arguments_are_told(arguments: list[str], said: str) -> None:
    """Before anybody is asked."""
    done = CliRunner().invoke(top, arguments)
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "to", "reason"),
    [
        ([], ">&-", "stdout is closed"),
        (["--once"], ">/dev/full", "No space left on device"),
        (["--json"], ">/dev/full", "No space left on device"),
    ],
)
async def test_output_that_cannot_be_written_is_told(arguments: list[str], to: str, reason: str) -> None:
    """One sentence, and not where in the program that was."""
    async with told.standing_in(told.overview()) as server:
        command = [sys.executable, "-m", "sse_signals", "top", "--url", server.url, *OFTEN, *arguments]
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", f'exec "$@" {to}', "sh", *command, stderr=subprocess.PIPE
        )
        _, said = await process.communicate()
    assert (process.returncode, said.decode()) == (1, f"sse-signals: the output cannot be written: {reason}.\n")


async def test_what_is_nested_too_deep_is_told() -> None:
    """Readers of JSON go deeper than writers do."""
    nested = json.dumps(told.overview())[:-1] + f', "more": {"[" * 1015}{"]" * 1015}}}'
    async with told.standing_in(lambda: web.Response(text=nested)) as server:
        said = await failed(server.url, "--json", status=3)
        assert "nested deeper than any overview is" in said
        assert (await topped(server.url)).exit_code == 0
