"""Servers under load: the hub and its peers, each started anew for every run and pinned to its core."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sse_signals.bench.readers import Wanted
from sse_signals.bench.target import Address, Form, Target, head
from tests.bench import machine, nchan
from tests.bench.peers.owners import owning
from tests.bench.tokens import bearing, issuer, owned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HUB = "hub"
AUTHENTICATED = "hub, authenticated"
NCHAN = "nchan"
NAIVE = "naive"
FLOOR = "floor"
BARE = "bare aiohttp"
OWNERS = "hub, with owners"

_HUBS = {HUB, AUTHENTICATED, OWNERS}
_RAISED = "--max-streams 100000 --max-streams-per-address 100000"  # the whole load comes from one address
_RAISED_FOR_ONE = "--publish-rate 1000000 --publish-burst 1000000"  # one identity publishes all of it
_PATIENCE = 20.0


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        name: Which.
        pid: Its process.
        target: How it is put under load.
    """

    name: str
    pid: int
    target: Target

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used, user and system, children included."""
        return machine.cpu_seconds(self.pid)

    def memory(self) -> int:
        """Return the bytes that it has in user space."""
        return machine.memory_bytes(self.pid)

    def stream(
        self, *, query: str = "", listener: int | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the request that opens a stream with other parameters.

        Args:
            query: The parameters.
            listener: Which of many listeners asks, where the server wants to know; None for nobody in particular.
            headers: Other headers.
        """
        path = "/signals/stream" if self.name in _HUBS else "/stream"
        start = f"GET {path}{'?' if query else ''}{query}"
        named = {} if listener is None else self._shown(listener)
        content = {"Accept": "text/event-stream", **named, **(headers or {})}
        return head(start, self.target.address, content) + b"\r\n"

    def streams(self, first: int, count: int) -> Sequence[Wanted]:
        """Return the server's usual streams, each of a listener of its own where the server wants to know.

        Args:
            first: The first listener.
            count: How many.
        """
        if self.name != AUTHENTICATED:
            return [Wanted("all", self.target.stream, count)]
        listeners = range(first, first + count)
        return [Wanted("all", self.stream(query="topic=bench", listener=listener)) for listener in listeners]

    def form(self, members: str = "", *, before: bytes = b"", after: bytes = b"") -> Form:
        """Return how the hub is given a signal with other members besides its message."""
        start = "POST " + ("/signals/publish" if self.name in _HUBS else "/publish")
        signal = b"{" + members.encode() + (b"," if members else b"") + b'"message":'
        request = head(start, self.target.address, {"Content-Type": "application/json", **_publishing(self.name)})
        return Form(request, before + signal, b"}" + after)

    def _shown(self, listener: int) -> Mapping[str, str]:
        if self.name == AUTHENTICATED:
            return bearing(issuer().listener(listener))
        return owning(owned(listener)) if self.name == OWNERS else {}


@contextmanager
def started(name: str, *options: str) -> Iterator[Server]:
    """Run a server for as long as the context lasts.

    Args:
        name: One of the names in this module.
        options: For the hub, what is added to its command line.
    """
    with tempfile.TemporaryDirectory() as folder:
        port, command = _command(name, Path(folder), options)
        process = _start(command)
        try:
            address = Address("127.0.0.1", port or _told_port(process))
            _wait_for(address, process)
            yield Server(name, process.pid, _target(name, address))
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # its workers too, which nobody would end otherwise
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def available() -> list[str]:
    """Return the peers of the hub that can be started here."""
    return [NCHAN, NAIVE, FLOOR] if nchan.found() is not None else [NAIVE, FLOOR]


def limits() -> str:
    """Return which limits of the hub are raised, so that it takes a load that comes from one place."""
    return f"{_RAISED}, and with authentication {_RAISED_FOR_ONE}"


def named(asked: str, hub: str) -> str:
    """Return how something that is asked of a hub is called."""
    return f"{asked}, authenticated" if hub == AUTHENTICATED else asked


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a process on the servers' core and in a group of its own, where its children will be too."""
    with machine.pinned(machine.SERVER_CORE):
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )


def _command(name: str, folder: Path, options: Sequence[str]) -> tuple[int, list[str]]:
    """Return the port that was chosen, or 0 when the server chooses and tells it, and the command."""
    python = [sys.executable, "-m"]
    hub = [*python, "sse_signals", "serve", "--port", "0", "--examples", *_RAISED.split()]
    match name:
        case "hub":
            return 0, [*hub, *options]
        case "hub, authenticated":
            return 0, [*hub, *_RAISED_FOR_ONE.split(), *issuer().options(folder), *options]
        case "nchan":
            return nchan.command(folder)
        case "hub, with owners":
            return 0, [*python, "tests.bench.peers.owners"]
        case "bare aiohttp":
            return 0, [*python, "tests.bench.peers.bare"]
        case _:
            return 0, [*python, f"tests.bench.peers.{name}"]


def _publishing(name: str) -> Mapping[str, str]:
    return bearing(issuer().publisher()) if name == AUTHENTICATED else {}


def _target(name: str, address: Address) -> Target:
    if name in _HUBS:
        return Target.hub(f"http://{address.netloc}/signals", "bench", headers=_publishing(name))
    stream = head("GET /stream", address, {"Accept": "text/event-stream"}) + b"\r\n"
    form = Form(head("POST /publish", address, {"Content-Type": "application/json"}))
    return Target(address, stream, form, ready=b"event: open" if name == BARE else b"\r\n\r\n")


def _told_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    told, _, _ = select.select([process.stdout], [], [], _PATIENCE)
    line = process.stdout.readline() if told else ""
    if not line:
        raise RuntimeError(f"{process.args!r} did not start")
    netloc = line.split("'")[1].split("/")[2] if "'" in line else line
    return int(netloc.rpartition(":")[2])


def _wait_for(address: Address, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection((address.host, address.port), 1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{process.args!r} does not listen") from None
            time.sleep(0.02)
        else:
            return
