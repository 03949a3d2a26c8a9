"""Servers under load: the hub and its peers, each started anew for every run and pinned to its core."""

from __future__ import annotations

import gzip
import os
import re
import select
import shutil
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

from sse_signals.bench.target import Address, Form, Target, head
from tests.bench import machine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HUB = "hub"
NCHAN = "nchan"
NAIVE = "naive"
FLOOR = "floor"
BARE = "bare aiohttp"
OWNERS = "hub, with owners"

_PEERS = Path(__file__).parent / "peers"
_MODULES = (Path("/usr/lib/nginx/modules"), Path(__file__).parents[1] / ".venv/nchan/usr/lib/nginx/modules")
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

    def stream(self, *, query: str = "", headers: Mapping[str, str] | None = None) -> bytes:
        """Return the request that opens a stream with other parameters."""
        path = "/signals/stream" if self.name in {HUB, OWNERS} else "/stream"
        start = f"GET {path}{'?' if query else ''}{query}"
        return head(start, self.target.address, {"Accept": "text/event-stream", **(headers or {})}) + b"\r\n"

    def form(self, members: str = "", *, before: bytes = b"", after: bytes = b"") -> Form:
        """Return how the hub is given a signal with other members besides its message."""
        start = "POST " + ("/signals/publish" if self.name in {HUB, OWNERS} else "/publish")
        signal = b"{" + members.encode() + (b"," if members else b"") + b'"message":'
        request = head(start, self.target.address, {"Content-Type": "application/json"})
        return Form(request, before + signal, b"}" + after)


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
    return [NCHAN, NAIVE, FLOOR] if _nchan() is not None else [NAIVE, FLOOR]


def nchan_version() -> str:
    """Return what nginx and its nchan module say that they are; empty where they are not installed."""
    found = _nchan()
    if found is None:
        return ""
    nginx, module = found
    said = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=False).stderr.strip()
    log = module.parents[3] / "share/doc/libnginx-mod-nchan/changelog.Debian.gz"
    package = re.match(rb"\S+ \((\S+)\)", gzip.decompress(log.read_bytes())) if log.exists() else None
    return f"{said}, libnginx-mod-nchan {package[1].decode()}" if package else said


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a process on the servers' core and in a group of its own, where its children will be too."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {machine.SERVER_CORE})
    try:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
    finally:
        os.sched_setaffinity(0, before)


def _command(name: str, folder: Path, options: Sequence[str]) -> tuple[int, list[str]]:
    """Return the port that was chosen, or 0 when the server chooses and tells it, and the command."""
    python = [sys.executable, "-m"]
    match name:
        case "hub":
            return 0, [
                *python,
                "sse_signals",
                "serve",
                "--port",
                "0",
                "--examples",
                "--max-streams",
                "100000",
                *options,
            ]
        case "nchan":
            return _nginx(folder)
        case "hub, with owners":
            return 0, [*python, "tests.bench.peers.owners"]
        case "bare aiohttp":
            return 0, [*python, "tests.bench.peers.bare"]
        case _:
            return 0, [*python, f"tests.bench.peers.{name}"]


def _target(name: str, address: Address) -> Target:
    if name in {HUB, OWNERS}:
        return Target.hub(f"http://{address.netloc}/signals", "bench")
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


def _nchan() -> tuple[str, Path] | None:
    """Return nginx and its nchan module, installed by the system or unpacked beside the tests."""
    for folder in _MODULES:
        module = folder / "ngx_nchan_module.so"
        beside = folder.parents[2] / "sbin/nginx"
        nginx = str(beside) if beside.exists() else shutil.which("nginx")
        if module.exists() and nginx:
            return nginx, module
    return None


def _nginx(folder: Path) -> tuple[int, list[str]]:
    found = _nchan()
    if found is None:
        raise RuntimeError("nchan is not installed: apt-get install nginx libnginx-mod-nchan")
    nginx, module = found
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = (_PEERS / "nchan.conf").read_text()
    for word, value in (("MODULE", module), ("FOLDER", folder), ("PORT", port), ("BUFFER", 100_000)):
        text = text.replace(word, str(value))
    configuration = folder / "nginx.conf"
    configuration.write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    return port, [nginx, "-p", str(folder), "-c", str(configuration)]
