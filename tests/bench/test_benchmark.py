"""The benchmark itself: that it runs, checks what it measures, and draws. Never how fast anything is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from sse_signals.bench.readers import Wanted
from sse_signals.bench.target import Address, Form, Target, head
from sse_signals.errors import LoadFailed
from tests.bench import brokers, load, servers
from tests.bench.__main__ import SCENARIOS
from tests.bench.servers import Server
from tests.bench.tokens import EVERYBODY

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
EVENTS = 10
PATIENCE = 30.0  # seconds for everything to arrive
BROKERS = tuple(name for name in SCENARIOS if name.startswith("brokers"))
BOTH_WAYS = ("S1", "S4", "S5", "S7")  # some of those that are measured with authentication, too
TIMED = ("S9",)  # in which streams are aborted after some time, or not yet
GROWTH = ("growth-publishers", "growth-size", "growth-streams")


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("options", "plots"),
    [
        (("--only", *(name for name in SCENARIOS if name not in (*BOTH_WAYS, *BROKERS, *TIMED))), {"busy", *GROWTH}),
        (("--authenticated", "--only", *BOTH_WAYS), {"calm-cpu", "calm-latency"}),
        (("--only", *BROKERS), set()),
        pytest.param(("--only", *TIMED), set(), marks=pytest.mark.alone),
    ],
    ids=["without authentication", "both ways", "brokers", "timed"],
)
def test_quick_run_measures_everything_once(tmp_path: Path, options: tuple[str, ...], plots: set[str]) -> None:
    """Every scenario runs to its end, in which every stream got every event once and in order, and is drawn."""
    # Without coverage, which would slow the servers down; they are covered by tests of their own.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-m", "tests.bench", "--quick", "--out", str(tmp_path), *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = (tmp_path / "figures.md").read_text()
    assert table in done.stdout
    for name in options[options.index("--only") + 1 :]:
        assert f"| {name}" in table
    peers = () if TIMED[0] in options else servers.available()
    for name in brokers.ALL if BROKERS[0] in options else (servers.HUB, *peers):
        assert f"| {name} |" in table
    authenticated = [line for line in table.splitlines() if "the hub verifies them with" in line]
    assert bool(authenticated) == ("--authenticated" in options)
    assert (f"| {servers.AUTHENTICATED} : {servers.HUB} |" in table) == ("--authenticated" in options)
    assert {plot.stem for plot in tmp_path.glob("*.svg")} == plots
    for plot in tmp_path.glob("*.svg"):
        assert ET.parse(plot).getroot().tag.endswith("svg")


def test_the_hub_with_authentication_asks_for_tokens() -> None:
    """What is measured is a hub that refuses who shows nothing, and knows its listeners by their tokens."""
    with servers.started(servers.AUTHENTICATED) as server, load.on(server) as on:
        with pytest.raises(LoadFailed, match="answered 401"):
            on.open([Wanted("all", server.stream(query="topic=bench"))])
        on.open(3)
        receipts = [preamble.partition(b"data: ")[2].partition(b"\n")[0] for preamble in on.readers.call("preambles")]
        assert [json.loads(receipt)["subject"] for receipt in receipts] == [f"user:default/u{n}" for n in range(3)]
        cost = on.busy(2, 0.1)
        assert cost.deliveries == cost.published.count * 3


@pytest.mark.parametrize("name", [servers.OWNERS, servers.AUTHENTICATED])
def test_listeners_own_the_same_with_and_without_authentication(name: str) -> None:
    """What is targeted at one of them, or at a team of some, reaches these and no others."""
    with servers.started(name) as server:
        refs = ("user:default/u1", "group:default/team-2", EVERYBODY)
        forms = [server.form(f'"topic":"bench","targetOwnershipEntityRefs":["{ref}"]') for ref in refs]
        with load.on(server, forms=forms) as on:
            on.open([Wanted(str(n), server.stream(query="topic=bench", listener=n)) for n in (1, 2, 102)])
            on.steady(100, 0.06, {"1": [0, 2], "2": [1, 2], "102": [1, 2]})


@pytest.mark.skipif(servers.NCHAN not in servers.available(), reason="nchan can be had from Debian and Ubuntu only")
def test_nchan_delivers_what_is_published() -> None:
    """The peer that the hub is compared with is set up so that it loses nothing."""
    with servers.started(servers.NCHAN) as server, load.on(server) as on:
        on.open(5)
        cost = on.busy(4, 0.2)
        assert cost.deliveries == cost.published.count * 5


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda frames: frames, ""),
        (lambda frames: frames[:3] + frames[4:], "1 lost, 0 surplus, 0 late"),
        (lambda frames: frames[:3] + frames[2:], "0 lost, 0 surplus, 1 late"),
        (lambda frames: [*frames[:3], frames[4], frames[3], *frames[5:]], "0 lost, 0 surplus, 1 late"),
        (lambda frames: [*frames[:-1], frames[-1][:-1]], "1 lost, 0 surplus, 0 late"),
        (lambda frames: [*frames[:3], frames[3].replace(b"xx", b"x", 1), *frames[4:]], "1 lost, 0 surplus, 0 late"),
    ],
    ids=["none", "lost", "doubled", "swapped", "not ended", "cut"],
)
async def test_faulty_server_is_found_out(fault: Callable[[list[bytes]], list[bytes]], found: str) -> None:
    """A server that loses, doubles, swaps, cuts or does not end one event of one stream cannot be measured."""
    async with FaultyServer(fault) as address:
        with pytest.raises(RuntimeError, match=found) if found else nullcontext():
            await asyncio.to_thread(_measure, address, patience=3.0 if found else PATIENCE)


async def test_server_that_doubles_late_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """When all has arrived, what comes a second time is waited for."""
    monkeypatch.setattr(load, "_TWICE", 3.0)
    async with FaultyServer(lambda frames: frames, late=0.05) as address:
        with pytest.raises(RuntimeError, match="0 lost, 0 surplus, 1 late"):
            await asyncio.to_thread(_measure, address)


async def test_server_that_sends_to_all_what_concerns_one_is_found_out() -> None:
    """Streams that get more than they should are a fault like those that get less."""
    async with FaultyServer(lambda frames: frames) as address:
        with pytest.raises(RuntimeError, match=f"0 lost, {2 * EVENTS} surplus"):
            await asyncio.to_thread(_measure, address, hit=1, miss=2)


def _measure(address: Address, *, hit: int = 3, miss: int = 0, patience: float = PATIENCE) -> None:
    target = Target(address, head("GET /", address, {}) + b"\r\n", Form(head("POST /", address, {})))
    with load.on(Server("faulty", os.getpid(), target), patience=patience) as on:
        on.open([Wanted("hit", target.stream, hit), Wanted("miss", target.stream, miss)])
        on.steady(1000, EVENTS / 1000, {"hit": [0], "miss": []})


def test_a_server_that_does_not_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither processes, its children included, nor files."""
    held, folder = tmp_path / "held", tmp_path / "folder"
    os.mkfifo(held)
    folder.mkdir()
    script = f"exec 9>{held}; trap '' TERM; (sleep 600) & echo started; wait; wait"
    monkeypatch.setattr(servers, "_PATIENCE", 0.5)
    monkeypatch.setattr(servers, "_command", lambda *_: (1, ["sh", "-c", script]))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    reading = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(RuntimeError, match="does not listen"), servers.started(servers.HUB):
            pass
        os.set_blocking(reading, True)
        assert os.read(reading, 1) == b""  # which it is once nobody holds the other end
    finally:
        os.close(reading)
    assert not list(folder.iterdir())


class FaultyServer:
    """Sends every event to all streams, but to the second of them with a fault, and perhaps the last again later."""

    def __init__(self, fault: Callable[[list[bytes]], list[bytes]], *, late: float | None = None) -> None:
        self._fault = fault
        self._late = late
        self._frames: list[bytes] = []
        self._streams: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Address:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return Address("127.0.0.1", self._server.sockets[0].getsockname()[1])

    async def __aexit__(self, *_: object) -> None:
        for stream in self._streams:
            stream.close()
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nsignals.open\n\n")
            self._streams.append(writer)
            return
        with suppress(asyncio.IncompleteReadError):  # the publisher is done
            while True:
                self._take(await reader.readexactly(100))
                writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
                await reader.readuntil(b"\r\n\r\n")
        writer.close()

    def _take(self, message: bytes) -> None:
        self._frames.append(b"data: %b\n\n" % message)
        if len(self._frames) == EVENTS:
            for number, stream in enumerate(self._streams):
                stream.write(b"".join(self._fault(self._frames) if number == 1 else self._frames))
            if self._late is not None:
                asyncio.get_running_loop().call_later(self._late, self._streams[1].write, self._frames[-1])
