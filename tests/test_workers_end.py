"""Workers that do not end by themselves, or not when they should: how long they are waited for, and who ends them."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals.listening import LINGER, bound, close
from sse_signals.metrics.crew import Crew as Asked
from sse_signals.own_port import Membership
from sse_signals.server import GRACE, LEAVING, grace
from sse_signals.service import PATIENCE
from sse_signals.settings import Settings, load
from sse_signals.web.departure import DRAIN_PATIENCE, GATE_PATIENCE
from sse_signals.worker import LISTENS
from sse_signals.worker_process import WorkerProcess
from tests.crew import COMMAND, DEADLINE, Crew, children, crew, listeners, seen, streams
from tests.web.rawhttp import connection

if TYPE_CHECKING:
    from blockbuster import BlockBuster

SHORT_GRACE = f"from sse_signals import worker_process\nworker_process.grace = lambda _: 1.5\n{COMMAND}"
SHORT_START = f"from sse_signals import worker_process\nworker_process.START = 1e-3\n{COMMAND}"
KEPT_POLL = b"GET /signals/stream?topic=a&poll=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"
KEPT_ORDER = (
    b"POST /signals/drain HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 15\r\n\r\n{"node":"this"}'
)
NO_SECOND_LOOK = f"from sse_signals import process\nprocess.ONE_WISH = 0.0\n{COMMAND}"
LONG_LOOK = f"from sse_signals import process\nprocess.ONE_WISH = 60.0\n{COMMAND}"
# Says when a worker is told to leave its place to another, as one that hangs then cannot do itself.
RELIEF_TOLD = f"""
from sse_signals.worker_process import WorkerProcess
retire = WorkerProcess.retire
def told(worker):
    retire(worker)
    worker._logger.info("told to leave", worker=worker._number)
WorkerProcess.retire = told
{COMMAND}"""


def assert_killed_once(hub: Crew, worker: int, reason: str) -> None:
    """Check that one line of the log says which process was killed, and why."""
    (told,) = hub.told("worker killed", worker=worker)
    assert told.items() >= {"level": "error", "reason": reason}.items()
    assert told["pid"] in {entry["pid"] for entry in hub.told("worker listens", worker=worker)}


def test_the_grace_is_longer_than_a_good_end_takes() -> None:
    """Nobody is killed who is about to end."""
    assert GRACE > LEAVING + DRAIN_PATIENCE + GATE_PATIENCE + LINGER + PATIENCE


def test_the_grace_grows_with_the_streams_up_to_a_bound() -> None:
    """Whoever allows millions of streams means no limit, and does not want to wait for hours."""
    assert [grace(Settings(max_streams=most)) - GRACE for most in (500, 100_000, 10**7)] == [1, 200, 200]


async def test_one_that_hangs_at_the_end_is_killed() -> None:
    """It is not waited for any longer than the grace, and the others end as usual."""
    async with crew(command=SHORT_GRACE) as hub:
        await hub.hear("listening")
        os.kill(hub.pids()[2], signal.SIGSTOP)
        assert await hub.stop() == 0
        assert_killed_once(hub, 2, "it has not ended after 1.5 s")
        assert hub.noise == []
        assert hub.log[-1]["event"] == "stopped"
        with pytest.raises(ProcessLookupError):
            os.kill(hub.pids()[2], 0)


async def test_one_that_hangs_when_it_is_relieved_is_killed() -> None:
    """The others are relieved after it."""
    async with crew(command=SHORT_GRACE) as hub:
        await hub.hear("listening")
        before = hub.pids()
        os.kill(before[1], signal.SIGSTOP)
        hub.process.send_signal(signal.SIGHUP)
        await hub.hear("all workers replaced")
        assert_killed_once(hub, 1, "it has not ended after 1.5 s")
        assert not set(before.values()) & set(hub.pids().values())
        assert not hub.told("worker ended")
        assert await hub.stop() == 0


async def test_who_dies_while_another_leaves_is_replaced_at_once() -> None:
    """A worker that hangs when it is relieved does not keep anybody from taking the place of its successor."""
    async with crew(command=RELIEF_TOLD) as hub:
        await hub.hear("listening")
        old = hub.pids()[1]
        os.kill(old, signal.SIGSTOP)
        hub.process.send_signal(signal.SIGHUP)
        await hub.hear("told to leave", worker=1)  # before that the successor has no place that another could take
        os.kill(hub.pids()[1], signal.SIGKILL)
        await hub.hear("worker listens", 3, worker=1)
        os.kill(old, 0)  # is still there
        assert not hub.told("worker killed")
        os.kill(old, signal.SIGCONT)
        await hub.hear("all workers replaced")
        assert len(hub.told("stopped", worker=1)) == 1
        assert await hub.stop() == 0


async def test_a_second_signal_kills_all_that_are_left() -> None:
    """Whoever is in a hurry does not have to wait for the grace."""
    async with crew(command=NO_SECOND_LOOK) as hub:
        await hub.hear("listening")
        os.kill(hub.pids()[2], signal.SIGSTOP)
        hub.process.terminate()
        await hub.hear("stopped", worker=1)
        await seen(lambda: children(hub.process.pid), lambda left: len(left) <= 2)  # it, and Python's own helper
        assert await hub.stop(signal.SIGINT) == 0
        assert_killed_once(hub, 2, "the hub was told twice to end")
        assert not hub.told("worker killed", worker=1)
        assert hub.log[-1]["event"] == "stopped"


async def test_a_signal_that_comes_twice_is_one() -> None:
    """As from `timeout`, or from a terminal and from a program between: all end in good order."""
    async with crew(command=LONG_LOOK) as hub:
        await hub.hear("listening")
        os.kill(hub.pids()[2], signal.SIGSTOP)
        hub.process.terminate()
        await hub.hear("shutting down", workers=2)
        hub.process.send_signal(signal.SIGINT)
        await hub.hear("stopped", worker=1)
        os.kill(hub.pids()[2], signal.SIGCONT)
        assert await hub.end() == 0
        assert len(hub.told("stopped", worker=2)) == 1
        assert not hub.told("worker killed")


async def test_one_that_does_not_come_to_listen_is_killed() -> None:
    """Else a start, or a restart one by one, would wait for it for ever."""
    async with crew(command=SHORT_START) as hub:
        assert await hub.end() == 1
        assert hub.noise == ["sse-signals: Worker 1 ended with signal 9 before it listened.\n"]
        (told,) = hub.told("worker killed")
        assert told.items() >= {"worker": 1, "reason": "it has not listened after 0.001 s"}.items()


async def test_a_successor_that_dies_before_it_listens() -> None:
    """It is told, and who is at work stays."""
    async with crew() as hub:
        await hub.hear("listening")
        before, processes = hub.pids(), set(await children(hub.process.pid))
        hub.process.send_signal(signal.SIGHUP)
        found = await seen(lambda: children(hub.process.pid), lambda found: set(found) - processes)
        (successor,) = set(found) - processes
        os.kill(successor, signal.SIGKILL)
        (told,) = await hub.hear("worker not replaced")
        assert told["reason"] == "Worker 1 ended with signal 9 before it listened."
        assert hub.pids() == before
        assert await listeners(hub.port) == 2
        assert not hub.told("worker ended")
        assert await hub.stop() == 0


async def test_last_words_are_read_even_if_the_end_is_seen_first(blockbuster: BlockBuster) -> None:
    """Else a start would fail without its reason, whenever the process was faster than who waits for it."""
    blockbuster.deactivate()  # a process is started, whose parent serves nobody
    loop = asyncio.get_running_loop()
    add, added = loop.add_reader, []

    def all_but_the_first(number: int, *call: Any) -> None:
        added.append(number)
        if len(added) > 1:
            add(number, *call)

    settings = load({}, {"port": 0, "broker": "sqlite:////dev/null/log.db"})
    member = Membership(1, Asked("/dev/null", 1), os.getpid())
    with mock.patch.object(loop, "add_reader", all_but_the_first):
        worker = WorkerProcess(member, settings, [], structlog.get_logger(), heard=print)
    async with asyncio.timeout(DEADLINE):
        assert await worker.ended == "exit status 2"
    assert "/dev/null/log.db" in (worker.started.result() or "")


async def test_one_that_shall_end_before_it_listens_has_its_time(blockbuster: BlockBuster) -> None:
    """It learns of that only when it listens, and ends in good order then."""
    blockbuster.deactivate()  # as above
    sockets = await bound("127.0.0.1", 0)
    member = Membership(1, Asked("/dev/null", 1), os.getpid())
    with capture_logs() as logs:
        worker = WorkerProcess(member, load({}, {"port": 0}), sockets, structlog.get_logger(), heard=print)
        worker.stop("a test")
        async with asyncio.timeout(DEADLINE):
            assert await worker.ended == "exit status 0"
    close(sockets)
    assert worker.started.result() == LISTENS
    assert [entry["event"] for entry in logs] == ["worker listens"]


async def test_signals_that_all_processes_get() -> None:
    """SIGHUP to each of them, Python's own helper included, is one to the hub; SIGTERM during the start ends it."""
    async with crew() as hub:
        await hub.hear("listening")
        for pid in [*await children(hub.process.pid), hub.process.pid]:
            os.kill(pid, signal.SIGHUP)
        await hub.hear("all workers replaced")
        assert await hub.stop() == 0
        assert not hub.told("worker ended")
        assert not hub.told("worker killed")
        assert hub.noise == []
    async with crew() as hub:
        await hub.hear("worker listens", worker=1)
        for pid in [hub.process.pid, *await children(hub.process.pid)]:
            os.kill(pid, signal.SIGTERM)
        assert await hub.end() == 0
        assert hub.noise == []
        assert not hub.told("worker killed")
        assert hub.log[-1]["event"] == "stopped"


async def test_an_order_to_one_that_is_replaced_is_one_to_all() -> None:
    """Whoever got 202 for it from a process that leaves anyway must find the hub drained."""
    async with crew("--drain-window", "120", command=NO_SECOND_LOOK) as hub, AsyncExitStack() as stack:
        await hub.hear("listening")
        await stack.enter_async_context(streams(hub))  # for whom the one that is replaced stays half of the window
        opened = {"worker": 2}
        while opened["worker"] != 1:  # who is replaced first
            reader, writer = await stack.enter_async_context(connection(hub.url))
            writer.write(KEPT_POLL)
            answer = await reader.readuntil(b"\r\n0\r\n\r\n")
            name = answer.partition(b'"stream":"')[2].partition(b'"')[0].decode()
            (opened,) = await hub.hear("stream opened", stream=name)
        hub.process.send_signal(signal.SIGHUP)
        await hub.hear("drain began", why="replaced", worker=1)
        writer.write(KEPT_ORDER)
        assert b"202 Accepted" in await reader.readuntil(b"\r\n")
        await hub.hear("drain began", why="order", worker=2)
        hub.process.terminate()
        assert await hub.stop(signal.SIGINT) == 0  # in a hurry
        assert not hub.told("worker killed")
