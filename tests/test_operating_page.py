"""deploy/OPERATING.md is true: each block is run as written; what it says of units, manifests and statuses holds."""

from __future__ import annotations

import asyncio
import math
import os
import re
import shlex
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sse_signals.commands.serve import serve
from sse_signals.settings import Settings
from tests.brokers.servers import free_port
from tests.deploy.files import rest
from tests.pages import ROOT, Block, claimed
from tests.web.doors import own
from tests.web.rawhttp import request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sse_signals.server import Running

PAGE = (ROOT / "deploy/OPERATING.md").read_text()
DRAIN = claimed("deploy/OPERATING.md", "Drain")
AGE = claimed("deploy/OPERATING.md", "Let load rebalance")
UPGRADE = claimed("deploy/OPERATING.md", "Upgrade two nodes behind a load balancer")
SOCKET = claimed("deploy/OPERATING.md", "Socket activation")
DEADLINE = 60.0
BIN = Path(sys.executable).parent


async def run(code: str, url: str = "http://127.0.0.1:1/signals", **environ: str) -> tuple[int, str]:
    """Run a block as an operator would; return its exit status and what it printed."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "SIGNALS_URL": url, **environ}
    process = await asyncio.create_subprocess_shell(code, env=environment, stdin=-3, stdout=-1, stderr=-2)
    async with asyncio.timeout(DEADLINE):
        printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


def codes(blocks: Iterable[Block]) -> list[str]:
    """Return what is to be run."""
    return [block.code for block in blocks]


async def test_an_order_to_drain() -> None:
    """The line drains the hub, and succeeds."""
    async with own() as door:
        [line] = codes(DRAIN)
        assert (await run(line, door.url))[0] == 0
        assert door.service.site.draining


async def test_the_settings_of_an_age_are_good() -> None:
    """The line shows the age, and finds no fault; with one that is too short it names both settings."""
    [line] = codes(AGE)
    status, printed = await run(line)
    assert status == 0
    assert "SIGNALS_MAX_STREAM_AGE" in printed
    status, printed = await run(line.replace("3600", "60"))
    assert status == 2
    assert "SIGNALS_MAX_STREAM_AGE is 60: it may be 0, or at least 5 times SIGNALS_HEARTBEAT, which is 15" in printed


async def test_the_steps_of_an_upgrade(hub: Running) -> None:
    """Each line succeeds at a hub that has just been started."""
    for line in codes(UPGRADE):
        assert (await run(line, hub.url))[0] == 0, line


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="needs a part of systemd")
async def test_socket_activation_without_units() -> None:
    """The hub that systemd starts at the first connection takes its socket, and answers that connection."""
    [line] = codes(SOCKET)
    assert " 127.0.0.1:8099 " in line
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *shlex.split(line.replace(":8099", f":{port}")),
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(DEADLINE):
            assert b"Listening on 127.0.0.1" in await process.stderr.readline()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request("GET", "/signals/health/live"))
            assert b"200 OK" in await reader.readuntil(b"\r\n")
            writer.close()
            process.send_signal(signal.SIGTERM)
            said = (await process.stderr.read()).decode()
            assert await process.wait() == 0, said
        assert f'"url": "http://127.0.0.1:{port}/signals"' in said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_the_exit_statuses_are_those_of_the_command() -> None:
    """What the help of the command names is in the table."""
    table = PAGE.partition("## Exit statuses")[2].partition("\n## ")[0]
    named = set(re.findall(r"^  (\d)  ", serve.epilog or "", flags=re.MULTILINE))
    assert named == {"0", "1", "2"}
    assert named == set(re.findall(r"^\| (\d) \|", table, flags=re.MULTILINE))


def test_the_unit_does_what_the_page_says() -> None:
    """Its type, its patience at the start, and what it starts again."""
    unit = (ROOT / "deploy/systemd/sse-signals.service").read_text().splitlines()
    assert {"Type=notify", "TimeoutStartSec=infinity", "Restart=on-failure", "KillMode=mixed"} <= set(unit)
    assert any(line.startswith("WatchdogSec=") for line in unit)
    socket_unit = (ROOT / "deploy/systemd/sse-signals.socket").read_text()
    assert "ListenStream=" in socket_unit
    assert "Accept=yes" not in socket_unit


def test_kubernetes_waits_as_long_as_the_page_says() -> None:
    """Sleep and what the page says of an end together are what the pod is given."""
    deployment = (ROOT / "deploy/kubernetes/deployment.yaml").read_text()
    settings = (ROOT / "deploy/kubernetes/configmap.yaml").read_text()
    slept = int(re.findall(r"preStop: \{sleep: \{seconds: (\d+)\}\}", deployment)[0])
    [grace] = re.findall(r"terminationGracePeriodSeconds: (\d+)", deployment)
    drain = [float(text) for text in re.findall(r'SIGNALS_DRAIN_(?:DELAY|WINDOW): "(\d+)"', settings)]
    assert len(drain) == 2
    text = PAGE.partition("### How long an end may take")[2].partition("\n## ")[0]
    [(seconds, streams)] = re.findall(r"Delay, window, (\d+) seconds, and one second for each (\d+) streams", text)
    assert int(seconds) + math.ceil(Settings().max_streams / int(streams)) == rest(Settings())
    assert slept + sum(drain) + rest(Settings()) == int(grace)
