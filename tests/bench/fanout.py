"""Measures fan-out: CPU time of the server per delivered event, and deliveries per second.

Run ``python tests/bench/fanout.py``. The server runs in a process of its own on one core, readers and publisher on
another where there is one. CPU time is what the operating system counts for the server, user and system together.
Every run checks that every stream received every event once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

TICK = os.sysconf("SC_CLK_TCK")
MESSAGE = '{"text":"' + "x" * 88 + '"}'  # 100 bytes
MARKER = b'data: {"topic"'
STREAM = "GET {path}/stream?topic=bench HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n"
PUBLISH = (
    "POST {path}/publish?topic=bench HTTP/1.1\r\nHost: {host}\r\n"
    "Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{message}"
)


@dataclass(frozen=True)
class Result:
    """One run: events published, deliveries counted, seconds it took, and CPU seconds of the server."""

    events: int
    deliveries: int
    seconds: float
    cpu: float


def pin(core: int) -> None:
    """Keep this process on one core, where there are several."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[core % len(cores)]})


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def read_streams(url: str, streams: int, control: Connection) -> None:
    """Open streams and count the events they receive; nothing else of them is parsed."""
    pin(1)
    parts = urlsplit(url)
    selector = selectors.DefaultSelector()
    counts = [0] * streams
    tails = [b""] * streams  # a marker may arrive in two pieces
    head = STREAM.format(path=parts.path, host=parts.netloc).encode()
    for number in range(streams):
        sock = socket.create_connection((parts.hostname, parts.port))
        sock.sendall(head)
        while b"signals.open" not in sock.recv(65536):
            pass
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ, number)
    selector.register(control.fileno(), selectors.EVENT_READ, -1)
    control.send("open")
    expected = -1
    while True:
        for key, _ in selector.select():
            if key.data == -1:
                expected = control.recv()
            else:
                data = tails[key.data] + key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                counts[key.data] += data.count(MARKER)
                tails[key.data] = data[1 - len(MARKER) :]
        if expected >= 0 and min(counts) >= expected:
            control.send(sum(counts))
            return


def publish_calmly(url: str, rate: float, seconds: float) -> int:
    """Publish at a steady rate; return how many events."""
    publisher = Publisher(url)
    events = int(rate * seconds)
    started = time.monotonic()
    for number in range(events):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        publisher.send()
        publisher.wait()
    return events


def publish_busily(url: str, in_flight: int, seconds: float) -> int:
    """Publish the next event as soon as one is answered, with so many in flight; return how many events."""
    publishers = [Publisher(url) for _ in range(in_flight)]
    selector = selectors.DefaultSelector()
    for publisher in publishers:
        selector.register(publisher.sock, selectors.EVENT_READ, publisher)
        publisher.send()
    end = time.monotonic() + seconds
    events = flying = in_flight
    while flying:
        for key, _ in selector.select():
            key.data.wait()
            flying -= 1
            if time.monotonic() < end:
                key.data.send()
                events += 1
                flying += 1
    return events


class Publisher:
    """One keep-alive connection that publishes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.sock = socket.create_connection((parts.hostname, parts.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = PUBLISH.format(
            path=parts.path, host=parts.netloc, length=len(MESSAGE), message=MESSAGE
        ).encode()

    def send(self) -> None:
        """Send one request."""
        self.sock.sendall(self._request)

    def wait(self) -> None:
        """Read its answer."""
        answer = b""
        while not answer.endswith(b"}\n"):
            answer += self.sock.recv(65536)
        if b" 202 " not in answer[:32]:
            raise RuntimeError(answer)


def run(streams: int, rate: float, seconds: float, in_flight: int) -> Result:
    """Measure once, with a new server."""
    command = [sys.executable, "-m", "sse_signals", "serve", "--port", "0", "--examples", "--max-streams", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        os.sched_setaffinity(server.pid, {min(os.sched_getaffinity(0))})
        assert server.stdout is not None
        url = server.stdout.readline().split("'")[1].partition("/stream")[0]
        ours, theirs = multiprocessing.Pipe()
        reader = multiprocessing.Process(target=read_streams, args=(url, streams, theirs))
        reader.start()
        ours.recv()
        cpu, started = cpu_seconds(server.pid), time.monotonic()
        events = publish_busily(url, in_flight, seconds) if in_flight else publish_calmly(url, rate, seconds)
        ours.send(events)
        deliveries = ours.recv()
        result = Result(events, deliveries, time.monotonic() - started, cpu_seconds(server.pid) - cpu)
        reader.join()
        server.terminate()
    if deliveries != events * streams:
        raise RuntimeError(f"{deliveries} deliveries of {events} events to {streams} streams")
    return result


def floor(streams: int, rate: float, seconds: float) -> Result:
    """Measure a bare loop that sends the same bytes to as many sockets: what no server can beat."""
    pin(0)
    pairs = []
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        for _ in range(streams):
            client = socket.create_connection(listener.getsockname())
            pairs.append((client, listener.accept()[0]))
    data = b"c8\r\n" + b"x" * 200 + b"\r\n"
    child = os.fork()
    if not child:
        pin(1)
        selector = selectors.DefaultSelector()
        for client, _ in pairs:
            selector.register(client, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                key.fileobj.recv(65536)  # type: ignore[union-attr]
    events = int(rate * seconds)
    started, cpu = time.monotonic(), time.process_time()
    for number in range(events):
        time.sleep(max(0.0, started + number / rate - time.monotonic()))
        for _, server in pairs:
            server.send(data)
    cpu = time.process_time() - cpu
    os.kill(child, 9)
    os.waitpid(child, 0)
    return Result(events, events * streams, time.monotonic() - started, cpu)


def main() -> None:
    """Print medians of several runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=20.0, help="events per second in the calm runs")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1, 16, 64])
    options = parser.parse_args()
    floors, calm = [], []
    busy: dict[int, list[float]] = {number: [] for number in options.in_flight}
    for _ in range(options.runs):
        result = floor(options.streams, options.rate, options.seconds)
        floors.append(result.cpu / result.deliveries * 1e6)
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
        result = run(options.streams, options.rate, options.seconds, 0)
        calm.append(result.cpu / result.deliveries * 1e6)
        for number, found in busy.items():
            result = run(options.streams, 0, options.seconds, number)
            found.append(result.deliveries / result.seconds)
    print("| what | median | min | max |\n|---|---|---|---|")
    for name, values in (("floor, us of CPU per delivery", floors), ("calm, us of CPU per delivery", calm)):
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |")
    for number, values in busy.items():
        name = f"busy, {number} in flight, deliveries/s"
        print(f"| {name} | {statistics.median(values):,.0f} | {min(values):,.0f} | {max(values):,.0f} |")


if __name__ == "__main__":
    main()
