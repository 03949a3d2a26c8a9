"""Several processes at one port: their start, their ends, and who takes the place of one that dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.crew import children, crew, listeners, seen, streams
from tests.web.rawhttp import ask, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

READY = request("GET", "/signals/health/ready")


def assert_gone(*pids: int) -> None:
    """Check that processes have ended, and have been waited for."""
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_all_serve_and_all_end_in_good_order(number: signal.Signals) -> None:
    """Each takes a part of the connections; at the end each stream is told; a line of the log says which wrote it."""
    async with crew() as hub:
        (listening,) = await hub.hear("listening")
        events = [entry["event"] for entry in hub.log]
        assert events.count("worker listens") == 2
        assert events.index("listening") > max(n for n, event in enumerate(events) if event == "worker listens")
        assert listening["workers"] == 2
        assert set(hub.pids()) == {1, 2}
        async with streams(hub) as opened:
            assert await hub.stop(number) == 0
            for stream in opened.values():
                assert (await stream.rest()).reason == "shutdown"
        assert hub.noise == []
        assert len(hub.told("listening")) == 1
        assert hub.log[-1].items() >= {"event": "stopped"}.items()
        for worker in (1, 2):
            assert len(hub.told("stopped", worker=worker)) == 1
        assert_gone(*hub.pids().values())


async def test_one_that_is_killed_is_replaced() -> None:
    """One line says so, another listens at its place, and nobody is refused meanwhile."""
    async with crew() as hub:
        await hub.hear("listening")
        before = hub.pids()
        os.kill(before[1], signal.SIGKILL)
        (ended,) = await hub.hear("worker ended")
        assert ended.items() >= {"worker": 1, "reason": "signal 9", "level": "warning"}.items()
        assert 0 <= ended["again_in"] <= 1
        answers = await asyncio.gather(*(ask(hub.url, READY) for _ in range(20)))  # some wait for the new one
        assert {answer.status for answer in answers} == {200}
        await hub.hear("worker listens", 2, worker=1)  # the answers may all have been of the other
        assert hub.pids()[1] != before[1]
        assert hub.pids()[2] == before[2]
        assert await hub.stop() == 0
        assert len(hub.told("worker ended")) == 1


async def test_when_no_process_can_be_started_it_is_tried_again() -> None:
    """What the machine has not got at the moment ends nothing, and no connection waits until it has."""
    async with crew() as hub:
        await hub.hear("listening")
        before = resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE, (3, before[1]))
        os.kill(hub.pids()[2], signal.SIGKILL)
        await hub.hear("worker ended", worker=2, reason="Worker 2 cannot be started: Too many open files.")
        await seen(lambda: listeners(hub.port), lambda count: count == 1)
        assert {(await ask(hub.url, READY)).status for _ in range(20)} == {200}
        resource.prlimit(hub.process.pid, resource.RLIMIT_NOFILE, before)
        await hub.hear("worker listens", 2, worker=2)
        assert await listeners(hub.port) == 2
        assert await hub.stop() == 0


async def test_workers_end_with_the_process_that_started_them() -> None:
    """If that is killed, each ends its streams in good order, and nothing is left."""
    async with crew() as hub:
        await hub.hear("listening")
        async with streams(hub) as opened:
            hub.process.kill()
            assert await hub.end() == -signal.SIGKILL
            for stream in opened.values():
                assert (await stream.rest()).reason == "shutdown"
        assert {entry["worker"] for entry in hub.told("stopped")} == {1, 2}
        assert hub.noise == []


async def test_no_connection_waits_for_one_that_takes_long_to_end() -> None:
    """Who has ended listens no more, although others still do."""
    async with crew() as hub:
        await hub.hear("listening")
        os.kill(hub.pids()[2], signal.SIGSTOP)
        try:
            hub.process.terminate()
            await hub.hear("stopped", worker=1)
            await seen(lambda: listeners(hub.port), lambda count: count == 1)
        finally:
            os.kill(hub.pids()[2], signal.SIGCONT)
        assert await hub.end() == 0
        assert len(hub.told("stopped", worker=2)) == 1


async def test_a_signal_during_the_start() -> None:
    """It ends as it does later; it never listened."""
    async with crew() as hub:
        await hub.hear("worker listens", worker=1)
        assert await hub.stop() == 0
        assert hub.noise == []
        assert not hub.told("listening")
        assert hub.log[-1]["event"] == "stopped"


async def test_a_start_that_fails_is_one_sentence(tmp_path: Path) -> None:
    """However many would have failed: a rule file that is none, as the first worker finds out."""
    rules = tmp_path / "rules.toml"
    await asyncio.to_thread(rules.write_text, "?")
    async with crew("--auth", "keys", "--rules", str(rules)) as hub:
        assert await hub.end() == 2
        (sentence,) = hub.noise
        assert sentence.startswith("sse-signals: ")
        assert str(rules) in sentence
        assert hub.log == []


async def test_a_worker_that_dies_before_it_listens_ends_the_start() -> None:
    """A hub that cannot be whole from the start says so."""
    async with crew() as hub:
        (first,) = await hub.hear("worker listens", worker=1)
        found = await seen(lambda: children(hub.process.pid), lambda found: len(found) > 2)  # Python's own helper, too
        os.kill(found[-1], signal.SIGKILL)
        assert await hub.end() == 1
        assert hub.noise == ["sse-signals: Worker 2 ended with signal 9 before it listened.\n"]
        assert len(hub.told("stopped", worker=1)) == 1
        assert_gone(first["pid"])


@pytest.mark.parametrize("taken_by", ["a stranger", "another hub"])
async def test_a_port_that_is_taken(taken_by: str) -> None:
    """Not even another hub with workers shares it, which the kernel would allow."""
    async with contextlib.AsyncExitStack() as stack:
        if taken_by == "a stranger":
            port = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        else:
            other = await stack.enter_async_context(crew())
            await other.hear("listening")
            port = other.port
        hub = await stack.enter_async_context(crew("--port", str(port)))
        assert await hub.end() == 2
        (sentence,) = hub.noise
        assert f"port {port}: Address already in use" in sentence
        assert hub.log == []


async def test_a_port_of_ones_own() -> None:
    """All workers listen at the port that is set."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with crew("--port", str(port)) as hub:
        await hub.hear("listening")
        assert (hub.port, await listeners(port)) == (port, 2)
        assert await hub.stop() == 0


@asynccontextmanager
async def publishing(url: str, *, keep: bool) -> AsyncIterator[None]:
    """Publish all the time, over a connection that is kept or over new ones; each request must succeed.

    One that is kept may be closed in the very moment that a request is sent: that one is sent once more.
    """
    done = asyncio.Event()

    async def publish() -> int:
        connector, count = aiohttp.TCPConnector(force_close=not keep), 0
        async with aiohttp.ClientSession(connector=connector) as http:
            failed = False
            while not done.is_set():
                try:
                    async with http.post(f"{url}/publish?topic=a", data=b"x") as answer:
                        assert answer.status == 202
                except aiohttp.ClientConnectionError:
                    if failed or not keep:
                        raise
                    failed = True
                    continue
                failed = False
                count += 1
                await asyncio.sleep(0.002)  # leaves the workers some of the machine
        return count

    task = asyncio.create_task(publish())
    try:
        yield
    finally:
        done.set()
        assert await task > 10


async def test_sighup_replaces_all_and_nobody_notices() -> None:
    """One after another, each listens before the last one leaves; streams are told to come back; no request fails."""
    async with crew() as hub:
        await hub.hear("listening")
        before = hub.pids()
        async with streams(hub) as opened, publishing(hub.url, keep=True), publishing(hub.url, keep=False):
            hub.process.send_signal(signal.SIGHUP)
            await hub.hear("all workers replaced")
            for stream in opened.values():
                assert (await stream.rest()).reason == "shutdown"
        after = hub.pids()
        assert not set(before.values()) & set(after.values())
        assert_gone(*before.values())
        told = [
            (entry["event"], entry["worker"]) for entry in hub.log if entry["event"] in {"worker listens", "stopped"}
        ]
        assert told[2:] == [("worker listens", 1), ("stopped", 1), ("worker listens", 2), ("stopped", 2)]
        assert not hub.told("worker ended")
        assert {(await ask(hub.url, READY)).status for _ in range(5)} == {200}
        assert await hub.stop() == 0


async def test_sighup_with_a_fault_in_a_file_leaves_all_as_they_are(tmp_path: Path) -> None:
    """Files are read again; what is wrong in one is told, and those who are at work stay; mended, it is taken."""
    rules = tmp_path / "rules.toml"
    await asyncio.to_thread(rules.write_text, "")
    async with crew("--auth", "jwt", "--jwt-secret", "0123456789abcdef" * 2, "--rules", str(rules)) as hub:
        await hub.hear("listening")
        before = hub.pids()
        await asyncio.to_thread(rules.write_text, "?")
        hub.process.send_signal(signal.SIGHUP)
        (told,) = await hub.hear("worker not replaced")
        assert told.items() >= {"worker": 1, "level": "error"}.items()
        assert str(rules) in told["reason"]
        assert hub.pids() == before
        assert (await ask(hub.url, READY)).status == 200
        await asyncio.to_thread(rules.write_text, "")
        hub.process.send_signal(signal.SIGHUP)
        await hub.hear("all workers replaced")
        assert not set(before.values()) & set(hub.pids().values())
        assert await hub.stop() == 0
