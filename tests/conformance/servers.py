"""Hubs as processes of their own: this one, and nchan."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import nchan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 30.0  # seconds
ORIGIN = "https://app.example.com"
CONFIGURATION = Path(__file__).with_name("nchan.conf")


class Server(NamedTuple):
    """A hub that runs: where, and its process."""

    url: str
    pid: int


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Server]:
    """Run ``sse-signals serve`` on a free port."""
    log = folder / "log"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SIGNALS_")}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "sse_signals", "serve", "--port", "0", *arguments], stderr=file, env=inherited
        )
    try:
        yield Server(_until(lambda: _listening(log), process), process.pid)
    finally:
        process.kill()
        process.wait()


@contextmanager
def nchan_running(folder: Path) -> Iterator[Server]:
    """Run nginx with nchan on a free port; it has to be there."""
    here = nchan.found()
    assert here is not None
    nginx, module = here
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    text = CONFIGURATION.read_text()
    for word, value in (("MODULE", module), ("FOLDER", folder), ("PORT", port)):
        text = text.replace(word, str(value))
    configuration = folder / "nginx.conf"
    configuration.write_text(("user root;\n" if os.geteuid() == 0 else "") + text)
    process = subprocess.Popen([nginx, "-p", str(folder), "-c", str(configuration)])
    try:
        _until(lambda: _accepts(port), process)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _until(found: Callable[[], str], process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + DEADLINE
    while not (seen := found()):
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.02)
    return seen


def _listening(log: Path) -> str:
    for line in log.read_text().splitlines(keepends=True):
        if line.endswith("\n") and (entry := json.loads(line))["event"] == "listening":
            return str(entry["url"])
    return ""


def _accepts(port: int) -> str:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return ""
    return "yes"
