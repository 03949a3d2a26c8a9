"""What systemd says to a process and hears of it: variables, sockets, datagrams; no systemd is needed."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
import structlog
from structlog.testing import capture_logs

from sse_signals import systemd
from sse_signals.errors import ConfigurationError
from sse_signals.settings import load
from sse_signals.systemd import Supervisor, Told, at, inherited, told, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PID = 4711


def logger() -> Any:
    """Return a logger whose records a test can see."""
    return structlog.get_logger("sse_signals")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Told()),
        ({"LISTEN_PID": "4711", "LISTEN_FDS": "2"}, Told(sockets=2)),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "2"}, Told()),
        ({"LISTEN_FDS": "2"}, Told()),
        ({"LISTEN_PID": "4711"}, Told()),
        ({"NOTIFY_SOCKET": "/run/notify"}, Told(address="/run/notify")),
        ({"WATCHDOG_USEC": "30000000"}, Told(watchdog=30.0)),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "4711"}, Told(watchdog=0.5)),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, Told()),
    ],
)
def test_what_was_told(environ: dict[str, str], expected: Told) -> None:
    """What is meant for another process, as one that started this, is not heeded."""
    assert told(environ, PID) == expected


@pytest.mark.parametrize("name", ["LISTEN_FDS", "WATCHDOG_USEC"])
@pytest.mark.parametrize("text", ["", "-1", "x", "1.5", "٣", "9" * 30, "9" * 5000, "65000000000000000000"])
def test_what_is_no_number_stops_the_start(name: str, text: str) -> None:
    """A sentence names the variable."""
    with pytest.raises(ConfigurationError, match=rf"^{name} is '{re.escape(text)}': it may be a whole number"):
        told({"LISTEN_PID": str(PID), name: text}, PID)


@contextmanager
def passed(*sockets: socket.socket) -> Iterator[int]:
    """Have sockets where a process finds those that are passed to it; give how many there are."""
    first = 200
    numbers = []
    try:
        for offset, each in enumerate(sockets):
            numbers.append(os.dup2(each.fileno(), first + offset))
        with mock.patch.object(systemd, "FIRST", first):
            yield len(numbers)
    finally:
        for number in numbers:
            try:
                os.close(number)
            except OSError:  # whoever took it has closed it
                continue


def test_sockets_that_were_passed() -> None:
    """They listen where they listened, block nobody, and no child gets them by accident."""
    here = ("127.0.0.1", 0)
    with socket.create_server(here) as one, socket.create_server(here) as two, passed(one, two) as count:
        found = inherited(count)
        assert [each.getsockname() for each in found] == [one.getsockname(), two.getsockname()]
        assert not any(each.getblocking() or each.get_inheritable() for each in found)
        for each in found:
            each.close()
    assert inherited(0) == []


def test_what_is_no_listening_socket_of_tcp_stops_the_start(tmp_path: Path) -> None:
    """A file, a Unix socket, a socket of datagrams or one that does not listen: the sentence says what to write."""
    with (
        socket.create_server(("127.0.0.1", 0)) as good,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket() as idle,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        unix.bind(str(tmp_path / "hub.sock"))
        unix.listen()
        for bad in (unix, idle, datagrams):
            with (
                passed(good, bad) as count,
                pytest.raises(ConfigurationError, match=r"^Descriptor 201 \(LISTEN_FDS\) is no socket .*Accept=no"),
            ):
                inherited(count)
    with mock.patch.object(systemd, "FIRST", 999), pytest.raises(ConfigurationError, match="Descriptor 999"):
        inherited(1)


def test_where_the_hub_is_then() -> None:
    """The socket says it, and nobody else may; at an address that strangers can reach they have to authenticate."""
    settings = load({}, {})
    with socket.create_server(("127.0.0.1", 0)) as near, socket.create_server(("0.0.0.0", 0)) as far:
        port = near.getsockname()[1]
        found = at(settings, [], [near])
        assert (found.host, found.port) == ("127.0.0.1", port)
        with pytest.raises(ConfigurationError, match=r"^SIGNALS_HOST and --port \(SIGNALS_PORT\) cannot be set where"):
            at(settings, ["SIGNALS_HOST", "--port (SIGNALS_PORT)"], [near])
        with pytest.raises(ConfigurationError, match=r"listens on 0\.0\.0\.0 port \d+: without authentication"):
            at(settings, [], [near, far])
        assert at(load({}, {"insecure": True}), [], [far]).host == "0.0.0.0"
        guarded = load({}, {"auth": "jwt", "jwt_secret": "0123456789abcdef" * 2})
        assert at(guarded, [], [far]).host == "0.0.0.0"


@contextmanager
def hearing(address: str) -> Iterator[socket.socket]:
    """Listen as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + address[1:] if address.startswith("@") else address)
        line.setblocking(False)
        yield line


@pytest.mark.parametrize("abstract", [True, False])
def test_what_is_said(tmp_path: Path, *, abstract: bool) -> None:
    """Readiness, the end with the time it may take, and a restart of workers, at a path or an abstract address."""
    address = f"@sse-signals-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with hearing(address) as line:
        supervisor = Supervisor(Told(address=address), logger())
        supervisor.ready()
        supervisor.reloading()
        supervisor.stopping(55.5)
        said = [line.recv(4096).decode().split("\n") for _ in range(3)]
    assert said[0][0] == "READY=1"
    assert said[1][0] == "RELOADING=1"
    assert re.fullmatch(r"MONOTONIC_USEC=\d+", said[1][1])
    assert (said[2][0], said[2][2]) == ("STOPPING=1", "EXTEND_TIMEOUT_USEC=55500000")


def test_nobody_who_hears_is_no_fault(tmp_path: Path) -> None:
    """Without an address nothing is said; that nobody is at it is told in one line."""
    with capture_logs() as logs:
        Supervisor(Told(), logger()).ready()
        gone = Supervisor(Told(address=str(tmp_path / "nobody")), logger())
        gone.ready()
        gone.ready()
        with hearing(str(tmp_path / "nobody")) as line:
            gone.tell("STATUS=3")
            assert line.recv(100).startswith(b"READY=1")
            assert line.recv(100).startswith(b"READY=1")
            assert line.recv(100) == b"STATUS=3"
    assert [entry["event"] for entry in logs] == ["systemd cannot be told"]


async def test_who_cannot_be_heard_for_a_moment_gives_signs_of_life_again(tmp_path: Path) -> None:
    """Else systemd would end a process that is alive."""
    address = str(tmp_path / "notify")
    loop = asyncio.get_running_loop()
    supervisor = Supervisor(Told(address=address, watchdog=0.001), logger())
    with capture_logs() as logs:
        async with supervisor.watching(), asyncio.timeout(30):
            await until(lambda: bool(logs))
            with hearing(address) as line:
                assert [await loop.sock_recv(line, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    assert [entry["event"] for entry in logs] == ["systemd cannot be told"]


async def test_who_has_much_to_read_hears_all_in_the_end(tmp_path: Path) -> None:
    """Nothing waits for it, nothing is lost, and it comes in its order; signs of life alone are not kept."""
    address = str(tmp_path / "full")
    loop = asyncio.get_running_loop()
    with hearing(address) as line:
        supervisor = Supervisor(Told(address=address, watchdog=0.001), logger())
        for number in range(60):
            supervisor.tell(f"STATUS={number}")
        async with supervisor.watching(), asyncio.timeout(30):
            await asyncio.sleep(0.01)
            heard = [await loop.sock_recv(line, 100) for _ in range(60)]
            assert heard == [b"STATUS=%d" % number for number in range(60)]
            assert await loop.sock_recv(line, 100) == b"WATCHDOG=1"


async def test_signs_of_life(tmp_path: Path) -> None:
    """They come from the event loop for as long as it lasts; without a watchdog there are none, and no task."""
    address = str(tmp_path / "notify")
    loop = asyncio.get_running_loop()
    with hearing(address) as line:
        async with Supervisor(Told(address=address, watchdog=0.02), logger()).watching(), asyncio.timeout(30):
            assert [await loop.sock_recv(line, 100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
        before = asyncio.all_tasks()
        async with Supervisor(Told(address=address), logger()).watching():
            assert asyncio.all_tasks() == before


async def test_waiting_for_what_rings_no_bell() -> None:
    """It ends once it is true."""
    answers = iter([False, True])
    async with asyncio.timeout(30):
        await until(lambda: next(answers))
