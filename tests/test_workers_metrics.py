"""Metrics of several workers, with real processes: whoever is asked tells of all, and of none that hangs or is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.crew import Crew, crew, seen
from tests.scraping import values
from tests.web.rawhttp import Answer, ask, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Values = dict[tuple[str, str], float]

ANSWERING = ("sse_signals_workers_answering", "")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for temporary files whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory() as found:
        yield Path(found)


async def inside(folder: Path) -> list[str]:
    """Return the paths of all that is in a folder, by their names alone."""
    return await asyncio.to_thread(lambda: sorted(path.name for path in folder.rglob("*")))


def own(hub: Crew) -> str:
    """Return where the metrics' own port is; the process that starts the workers says so, and none of them."""
    (line,) = hub.told("metrics at")
    assert "worker" not in line
    return str(line["url"])


async def get(url: str, path: str) -> Answer:
    """Ask for a path."""
    return await ask(url, request("GET", path))


async def until(url: str, path: str, condition: Callable[[Values], bool]) -> Values:
    """Scrape until something is true, and return what was scraped."""

    async def scraped() -> Values:
        return values(await get(url, path))

    return await seen(scraped, condition)


def answered_by(*of: str) -> Callable[[Values], bool]:
    """Return whether what was scraped is of these workers alone; on a busy machine one may answer too late."""
    return lambda told: (told[ANSWERING], {each for _, each in told}) == (len(of) - 1, set(of))


async def test_one_that_hangs_and_one_that_is_replaced(folder: Path) -> None:
    """Who hangs is left out and is back afterwards, who is replaced begins anew, and the port is there to the end."""
    async with crew("--metrics-port", "0", "--canary", "0.05", TMPDIR=str(folder)) as hub:
        await hub.hear("listening")
        url, pids = own(hub), hub.pids()
        *sockets, private = await inside(folder)
        assert sockets == ["1.sock", "2.sock"]
        assert stat.S_IMODE((await asyncio.to_thread(os.stat, folder / private)).st_mode) == 0o700
        canaries = [("sse_signals_canary_seconds_count", worker) for worker in ("1", "2")]
        before = await until(url, "/metrics", lambda told: min(told.get(each, 0) for each in canaries) > 0)
        assert (before["sse_signals_workers", ""], before[ANSWERING]) == (2, 2)
        assert {of for name, of in before if name.startswith("process_")} == {"1", "2"}
        assert (await get(hub.url, "/signals/metrics")).kind == "metrics-elsewhere"

        os.kill(pids[2], signal.SIGSTOP)
        await until(url, "/signals/metrics", answered_by("", "1"))
        ready = await seen(lambda: get(url, "/health/ready"), lambda answer: answer.status == 200)
        assert ready.json == {"status": "ready"}
        os.kill(pids[2], signal.SIGCONT)
        await until(url, "/metrics", lambda told: told[ANSWERING] == 2)

        os.kill(pids[1], signal.SIGKILL)
        start = ("process_start_time_seconds", "1")
        after = await until(url, "/metrics", lambda told: told.get(start, 0) > before[start])
        assert (after["sse_signals_workers", ""], after["process_start_time_seconds", "2"]) == (
            2,
            before["process_start_time_seconds", "2"],
        )

        os.kill(pids[2], signal.SIGSTOP)
        try:
            hub.process.terminate()
            await hub.hear("stopped", worker=1)
            told = values(await get(url, "/metrics"))
            assert told == {("sse_signals_workers", ""): 2, ANSWERING: 0}
            assert (await get(url, "/health/ready")).kind == "no-worker"
            assert (await get(url, "/health/live")).status == 200
        finally:
            os.kill(pids[2], signal.SIGCONT)
        assert await hub.end() == 0
        assert not [entry for entry in hub.log if "GET" in entry["event"]]  # a scrape is no news
        assert await inside(folder) == []


async def test_whichever_worker_is_asked_tells_of_all(folder: Path) -> None:
    """Without a port of their own metrics are at the hub's; a process that is killed leaves no folder behind."""
    async with crew(TMPDIR=str(folder)) as hub:
        await hub.hear("listening")
        assert (await get(hub.url, "/signals/health/ready")).status == 200
        for _ in range(5):
            await until(hub.url, "/signals/metrics", answered_by("", "1", "2"))
        hub.process.kill()
        assert await hub.end() == -signal.SIGKILL
        assert hub.noise == []
        await seen(lambda: inside(folder), lambda left: not left)  # its workers remove it as they end


async def test_a_port_that_is_taken(folder: Path) -> None:
    """It is one sentence that names what to change, before any worker is started, and leaves no folder behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with crew("--metrics-port", str(port), TMPDIR=str(folder)) as hub:
            assert await hub.end() == 2
            (sentence,) = hub.noise
            assert sentence.startswith(f"sse-signals: Cannot listen on 127.0.0.1 port {port}: Address already in use; ")
            assert sentence.endswith(" --metrics-host and --metrics-port.\n")
            assert hub.log == []
    assert await inside(folder) == []
