"""deploy/TOOLS.md and the README's lines for a terminal are true: each is run as written, but for what never ends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sse_signals.cli import COMMANDS
from sse_signals.commands.failures import EXIT_STATUSES
from tests.commands.running import command
from tests.pages import ROOT, Block, claimed, each_claimed

if TYPE_CHECKING:
    import aiohttp

    from sse_signals.server import Running

PAGE = (ROOT / "deploy/TOOLS.md").read_text()
PUBLISH_AND_LISTEN, WATCH, CONNECTED, MEASURE, CHECK = each_claimed(
    "deploy/TOOLS.md", "Publish and listen", "Watch a hub", "Who is connected", "Measure", "Check the settings"
)
TERMINAL, LOGS = each_claimed("README.md", "From a terminal", "Logs that last, and clusters")
SCALING = claimed("deploy/SCALING.md", "One process, or several")
claimed(
    "README.md",
    "Troubleshooting",
    not_run="It asks a hub on the internet for 35 seconds; tests/doctor runs the command against hubs and proxies.",
)
claimed(
    "deploy/DOCTOR.md",
    "What lies between",
    not_run="It asks a hub on the internet for minutes; tests/doctor runs the command against hubs and proxies.",
)
DEADLINE = 30.0
ORDER = {"state": "paid"}


def lines(blocks: list[Block]) -> list[list[str]]:
    """Return the lines of each of some shell blocks."""
    return [block.code.splitlines() for block in blocks]


async def run(line: str, folder: Path, hub: Running) -> tuple[int, str]:
    """Run a line in a shell as a user would, with a hub of its own; return its exit status and what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SIGNALS_URL": hub.url, "COVERAGE_PROCESS_START": ""}
    process = await asyncio.create_subprocess_shell(
        f"set -o pipefail; {line}", cwd=folder, env=environment, stdin=-3, stdout=-1, executable="/bin/bash"
    )
    async with asyncio.timeout(DEADLINE):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the lines name."""
    (tmp_path / "order.json").write_text(json.dumps(ORDER))
    (tmp_path / "app.log").write_text("one\ntwo\n")
    handler = tmp_path / "handle-order"
    handler.write_text('#!/bin/sh\necho "$SIGNAL_TOPIC $(cat)" >> handled\n')
    handler.chmod(0o755)
    return tmp_path


async def test_publish_and_listen_and_a_command_for_each(hub: Running, folder: Path) -> None:
    """What is published by the first block is what the second shows, and what the third hands to a command."""
    publishing, listening, executing = lines(PUBLISH_AND_LISTEN)
    for line in publishing:
        status, printed = await run(line.replace("tail -F", "cat"), folder, hub)
        assert status == 0, line
        assert re.fullmatch(r"([a-z0-9]+-\d+(\.\d+)?\n)+", printed), line
    follow, last_minutes, one, everything = (line.partition("  #")[0] for line in listening)
    status, printed = await run(f"{follow} --since all --count 2", folder, hub)
    assert (status, printed.splitlines()[0].split("\t")[1:]) == (0, ["orders/42", '{"state":"paid"}'])
    _, printed = await run(last_minutes.replace("jq .message", "head -1"), folder, hub)  # which ends it
    assert json.loads(printed)["message"] == ORDER
    status, printed = await run(one, folder, hub)
    assert (status, printed.split("\t")[1:]) == (0, ["builds/7", '"done"\n'])
    assert await run(everything, folder, hub) == (0, "6\n")  # not the one with a target
    [line] = executing
    assert (await run(f"{line} --since all --count 2", folder, hub))[0] == 0
    assert (
        await asyncio.to_thread((folder / "handled").read_text)
        == 'orders/42 {"state":"paid"}\norders/42 {"state":"paid"}\n'
    )


async def test_what_the_readme_says_of_a_terminal(hub: Running, folder: Path) -> None:
    """Its four lines do what they say."""
    follow, publish, pipe, execute = (line.partition("  #")[0] for block in lines(TERMINAL) for line in block)
    assert (await run(publish, folder, hub))[0] == 0
    assert (await run(pipe.replace("tail -F", "cat"), folder, hub))[1].count("\n") == 2
    assert (await run(f"{follow} --no-follow", folder, hub))[1].endswith('\torders/42\t{"state":"paid"}\n')
    assert (await run(f"{execute} --count 1", folder, hub))[0] == 0
    assert await asyncio.to_thread((folder / "handled").read_text) == 'orders/42 {"state":"paid"}\n'


async def test_the_settings_are_checked(hub: Running, folder: Path) -> None:
    """The line to check settings names the file that is not there, and ends as documented."""
    [[line]] = lines(CHECK)
    assert (await run(line, folder, hub))[0] == 2
    await asyncio.to_thread((folder / "jwt").write_text, "s" * 32)
    status, printed = await run(line.replace("/run/secrets/jwt", f"{folder}/jwt"), folder, hub)
    assert status == 0
    assert "SIGNALS_PORT" in printed
    assert "s" * 32 not in printed


async def test_top_as_json(hub: Running, folder: Path) -> None:
    """The line that looks at the rate of deliveries gets an object that has it."""
    *_, [line] = lines(WATCH)
    status, printed = await run(f"{line.partition(' | ')[0]} --interval 0.2", folder, hub)
    assert (status, json.loads(printed)["rates"]["delivered"]) == (0, 0)


async def test_who_is_connected(hub: Running, folder: Path, http: aiohttp.ClientSession) -> None:
    """The line gets an object with the members that are shown, for nodes, open and closed streams alike."""
    ask, shown = (block.code for block in CONNECTED)
    async with http.get(f"{hub.url}/stream?topic=orders/*") as stream:
        await stream.content.readuntil(b"\n\n")
        async with http.get(f"{hub.url}/stream?topic=*&poll=1") as polled:
            await polled.read()
        status, printed = await run(ask.strip().replace("http://127.0.0.1:8080/signals", hub.url), folder, hub)
    assert status == 0
    expected, found = json.loads(shown), json.loads(printed)
    assert list(found) == list(expected)
    for name in ("nodes", "streams", "closed"):
        assert list(found[name][0]) == list(expected[name][0]), name


async def test_a_load(hub: Running, folder: Path) -> None:
    """The line measures a hub; here for a moment, and with few streams."""
    [[line]] = lines(MEASURE)
    short = f"{line.replace('http://127.0.0.1:8080/signals', hub.url)} --streams 5 --duration 0.5"
    status, printed = await run(short, folder, hub)
    assert status == 0, printed
    options = await run("sse-signals bench --help", folder, hub)
    for option in re.findall(r"^\| `(--[a-z-]+)", PAGE.partition("## Measure\n")[2], re.MULTILINE):
        assert option in options[1]


@pytest.mark.parametrize("block", [*LOGS, *SCALING])
def test_a_hub_can_start_with_these_logs(block: Block) -> None:
    """The settings of each line are good."""
    for line in block.code.splitlines():
        name, _, *settings = shlex.split(line, comments=True)
        assert name == "sse-signals"
        assert command("check", *settings).status == 0, line


def test_all_commands_and_exit_statuses_are_on_the_page() -> None:
    """The tables name every command and every exit status, and no other."""
    commands, statuses = PAGE.partition("| exit status |")[::2]
    named = re.findall(r"`([a-z]+)`", "".join(re.findall(r"^\| (`.*?`) \|", commands, re.MULTILINE)))
    assert sorted(named) == sorted(COMMANDS)
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", statuses, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [number for number, _ in EXIT_STATUSES]
