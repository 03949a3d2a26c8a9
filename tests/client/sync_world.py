"""What tests of the synchronous client have around it: servers that follow a script, and a bad network."""

from __future__ import annotations

import re
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sse_signals.client.sync_signals_client import SyncSignalsClient
from sse_signals.client.sync_stream import SyncStream
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator

    from sse_signals.testing import SignalsHub

    Script = bytes | Callable[[socket.socket], object]

OPEN = b"retry: 10\nevent: signals.open\nid: 00000000-1\ndata: {}\n\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def client(url: str, **options: Any) -> SyncSignalsClient:
    """Return a client of the plugin ``catalog``."""
    return SyncSignalsClient.for_plugin("catalog", url=url, **options)


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Return an answer that ends its connection."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(head).encode() + body


class Scripted:
    """A server that does to each connection what its script says; the last line of it holds for all that follow.

    Attributes:
        url: Where it is.
        heads: The requests that came, up to the end of their heads.
    """

    def __init__(self, scripts: tuple[Script, ...], tls: ssl.SSLContext | None) -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()
        self.heads: list[bytes] = []
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._follow, args=(connection, script)))
            self._threads[-1].start()

    def _follow(self, plain: socket.socket, script: Script) -> None:
        with suppress(OSError):
            connection = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
            self._open.append(connection)
            with connection:
                request = b""
                while not whole(request) and (piece := connection.recv(65536)):
                    request += piece
                self.heads.append(request.partition(b"\r\n\r\n")[0])
                connection.sendall(script) if isinstance(script, bytes) else script(connection)

    def end(self) -> None:
        """End it, and all connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join(30)
        for connection in self._open:
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def whole(request: bytes) -> bool:
    """Say whether nothing of a request is missing: a server that closes before it has read all resets."""
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(end) and len(body) >= int(length[1] if length else 0)


@contextmanager
def scripted(*scripts: Script, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """Run a server that follows a script."""
    server = Scripted(scripts, tls)
    try:
        yield server
    finally:
        server.end()


def silence(connection: socket.socket) -> None:
    """Say nothing until the other side goes."""
    with suppress(OSError):
        connection.recv(1)


class Network:
    """A network that a test can harm, in front of a hub."""

    def __init__(self, hub: SignalsHub) -> None:
        self._hub = hub
        self.proxy = FaultProxy("127.0.0.1", int(hub.url.rpartition(":")[2].partition("/")[0]))

    def do(self, work: Callable[[], Awaitable[object] | None]) -> None:
        """Do something to the proxy, in the event loop that it lives in."""

        async def done() -> None:
            result = work()
            if result is not None:
                await result

        self._hub._running.call(done)

    @property
    def url(self) -> str:
        """Where the hub is, over this network."""
        return f"http://127.0.0.1:{self.proxy.port}/signals"


@contextmanager
def network(hub: SignalsHub) -> Iterator[Network]:
    """Put a network in front of a hub."""
    made = Network(hub)
    made.do(made.proxy.__aenter__)
    try:
        yield made
    finally:
        made.do(lambda: made.proxy.__aexit__(None, None, None))


def frame(number: int) -> bytes:
    """Return an event whose message is a number."""
    data = '{"topic":"catalog:a","time":"2026-01-31T12:00:00.123Z","message":%d}'
    return f"id: 00000000-{number + 1}\ndata: {data % number}\n\n".encode()


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[list[Any]]:
    """Do work in another thread, and give what it has returned or raised in a list once the context has ended."""
    outcome: list[Any] = []

    def done() -> None:
        try:
            outcome.append(work())
        except Exception as error:  # noqa: BLE001 - whoever has asked looks at it
            outcome.append(error)

    thread = threading.Thread(target=done)
    thread.start()
    try:
        yield outcome
    finally:
        thread.join(20)
        assert not thread.is_alive()


def reads(stream: object) -> bool:
    """Say whether some thread waits for the next event."""
    assert isinstance(stream, SyncStream)
    return stream._turn.locked()


def script(*lines: str) -> list[str]:
    """Return the command of a program that gets the hub's URL."""
    head = ("import os, sys", "from sse_signals import SyncSignalsClient", "url = sys.argv[1]")
    return [sys.executable, "-W", "error", "-c", "\n".join([*head, *lines])]
