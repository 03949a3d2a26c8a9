"""``sse-signals doctor``, as it is typed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp
import pytest
from click.testing import CliRunner

from sse_signals.cli import main
from sse_signals.commands.plain import columns_of
from tests.authenticated import house
from tests.doctor.scripted import says, server
from tests.terminal import shown

if TYPE_CHECKING:
    from sse_signals.server import Running
    from tests.conftest import StartHub

OSC = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
async def hub(start_hub: StartHub) -> Running:
    """A hub with quick heartbeats."""
    started: Running = await start_hub(heartbeat=0.2, cors_origins="https://app.example.com")
    return started


async def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run the command; return its exit status and what it wrote to stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", "doctor", *arguments),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **variables},
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_good_hub(hub: Running) -> None:
    """A hub on this machine has nothing but a note, as text and as JSON."""
    origin = "--origin=https://APP.example.com/"
    text, document = await asyncio.gather(
        run(hub.url, origin, "--for=0.1"), run(hub.url, origin, "--for=0.1", "--json", "--proxy=nginx", "--topic=mine")
    )
    assert (text[0], document[0], text[2], document[2]) == (0, 0, "", "")
    assert text[1].startswith(f"{hub.url}: HTTP/1.1, nothing between names itself.\n\nNOTE  six-connections\n")
    assert text[1].endswith("\n0 faults, 0 warnings, 1 note.\n")
    told = json.loads(document[1])
    assert document[1].count("\n") == 1
    assert [finding["name"] for finding in told["findings"]] == ["six-connections"]
    assert told["findings"][0]["remedies"].keys() == {"nginx"}
    assert {one["name"] for one in told["fine"]} >= {"buffering", "cors", "resume", "stream-limit", "clock"}
    assert told["notChecked"] == []


async def test_a_hub_that_refuses() -> None:
    """Who is not let in is told why, with the exit status of a refusal; a token is in no output."""
    async with house() as known:
        none, wrong = await asyncio.gather(
            run(known.url, "--proxy=all"), run(known.url, "--json", SIGNALS_TOKEN="a-secret-that-is-none")
        )
    assert (none[0], wrong[0]) == (4, 4)
    assert "FAULT  refused\n  The hub refuses with 401: " in none[1]
    assert "--token" in none[1]
    assert json.loads(wrong[1])["findings"][0]["name"] == "refused"
    assert "a-secret" not in "".join([*none[1:], *wrong[1:]])


async def test_faults() -> None:
    """Something else than a hub is a fault, and what it says is shown as plain text."""
    html = b"HTTP/1.1 200 OK\r\nServer: \x1b[2Jnginx\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"
    async with server(says(html)) as target:
        status, out, err = await run(target.url, "--for=1")
    assert (status, err) == (1, "")
    assert "FAULT  no-hub" in out
    assert "\x1b" not in out
    assert "Not checked\n  streams: there is no stream to be looked at\n" in out


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (["http://127.0.0.1:9"], 3, "127.0.0.1:9 cannot be connected to (connection refused). Check the URL"),
        (["ftp://hub"], 2, "'ftp://hub' is no URL of a hub"),
        (["http://u:secret@hub"], 2, "user name or password"),
        (["http://hub", "--origin", "*"], 2, "'*' is no origin"),
        (["http://hub", "--for", "soon"], 2, "'soon' is no duration"),
        (["http://hub", "--proxy", "squid"], 2, "squid"),
        (["http://hub", "--topic", "x" * 252], 2, "255 bytes"),
    ],
)
def test_mistakes(arguments: list[str], status: int, text: str) -> None:
    """What is wrong is one clear sentence, and the documented exit status."""
    result = CliRunner().invoke(main, ["doctor", *arguments])
    assert result.exit_code == status
    assert text in result.stderr
    assert "secret" not in result.stderr
    assert result.stdout == ""


def test_help() -> None:
    """The help says what is done to the hub, and all exit statuses."""
    text = CliRunner().invoke(main, ["doctor", "--help"]).stdout
    assert "publishes a small signal a second" in " ".join(text.split())
    assert [line.split()[0] for line in text.partition("Exit status:")[2].splitlines()[1:7]] == [
        "0",
        "1",
        "2",
        "3",
        "4",
        "130",
    ]


async def test_in_a_terminal(hub: Running) -> None:
    """In a terminal there is a bar that fits while it watches, and then text that does, but for lines to be copied."""
    widths = (40, 80, 120)
    arguments = ("doctor", hub.url, "--for", "0.1", "--proxy", "nginx")
    ends = await asyncio.gather(
        *(asyncio.to_thread(shown, *arguments, columns=columns, variables={}) for columns in widths)
    )
    for columns, (status, text) in zip(widths, ends, strict=True):
        assert status == 0
        assert "\x1b[36m" in text
        bars, _, report = text.partition(hub.url)
        assert "Watching" in bars
        plain = [OSC.sub("", line) for line in re.split(r"[\r\n]+", bars + hub.url + report)]
        assert all(columns_of(line) <= columns for line in plain if not line.startswith("      "))


async def test_ctrl_c_while_watching(hub: Running) -> None:
    """Ctrl-C ends the watch, and what was seen until then is told."""
    status, text = await _interrupted(hub.url, 1)
    assert status == 130
    assert "Interrupted; so far 0 faults, 0 warnings, 1 note." in text


async def test_ctrl_c_twice(hub: Running) -> None:
    """Ctrl-C again ends everything at once."""
    status, text = await _interrupted(hub.url, 2)
    assert status == 130
    assert "Traceback" not in text


async def test_ctrl_c_before_there_is_anything_to_tell() -> None:
    """Ctrl-C at the door just ends it."""
    came = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        came.set()
        await reader.read()

    async with server(silent) as target:
        process = await _started(target.url)
        await asyncio.wait_for(came.wait(), 60)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, out, err) == (130, b"", b"")


async def _started(url: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sse_signals", "doctor", url, "--for", "60"),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _interrupted(url: str, times: int) -> tuple[int, str]:
    """Interrupt it once it publishes, so often."""
    process = await _started(url)
    async with aiohttp.ClientSession() as http, http.get(f"{url}/stream?topic=signals-doctor/*") as response:
        seen = b""
        while b"signals-doctor 1" not in seen:
            seen += await asyncio.wait_for(response.content.readany(), 60)
    for _ in range(times):
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, (out + err).decode()
