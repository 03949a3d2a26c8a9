"""Requests of synchronous programs: kept connections for publishing, and one for each stream."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from urllib3.connection import HTTPConnection, HTTPSConnection

from sse_signals.client.answers import Answer
from sse_signals.client.publishing import CLOSED, Failed
from sse_signals.client.requests import AT_ONCE, KEEP
from sse_signals.client.sync_wire import Wire

if TYPE_CHECKING:
    from sse_signals.client.requests import HubUrl, Request


class Link:
    """Connections to one hub, in one process; any thread may use them.

    It follows no redirect, keeps no cookie, and takes no proxy or credentials from the environment.

    Attributes:
        asking: Held by whoever asks for a token.
        closing: Set when the connections are closed.
    """

    def __init__(self, hub: HubUrl) -> None:
        parts = urlsplit(hub.prefix)
        self._host = parts.hostname or ""
        self._port = parts.port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._kept: deque[tuple[Wire, float]] = deque()  # with the time until which each is good
        self.asking = threading.Lock()
        self.closing = threading.Event()

    def ask(self, request: Request, seconds: float) -> Answer | Failed:
        """Send a request, and return its whole answer, or why there is none within so many seconds."""
        until = monotonic() + seconds
        if not self._slots.acquire(timeout=seconds):
            return Failed(f"{AT_ONCE} requests are under way, and none has ended in time", sent=False)
        try:
            if self.closing.is_set():
                return CLOSED
            wire = self._idle() or self.wire()
            try:
                begun = wire.send(request, until - monotonic())
                answer = wire.body(until - monotonic()) if isinstance(begun, Answer) else begun
            finally:
                self._keep(wire)
        finally:
            self._slots.release()
        return answer

    def wire(self) -> Wire:
        """Return a connection of its own, for a stream; it is not connected yet."""
        if self._tls is None:
            return Wire(HTTPConnection(self._host, self._port))
        return Wire(HTTPSConnection(self._host, self._port, ssl_context=self._tls))

    def close(self) -> None:
        """Close the connections that are kept; what is under way goes on to its end, but no further."""
        self.closing.set()
        self._empty()

    def _keep(self, wire: Wire) -> None:
        """Keep a connection for the next request, if it is good for another one."""
        if not wire.usable:
            wire.close()
            return
        self._kept.append((wire, monotonic() + KEEP))
        if self.closing.is_set():
            self._empty()

    def _idle(self) -> Wire | None:
        """Return a connection that was kept, the newest; those that are no good any more are closed."""
        while True:
            try:
                wire, until = self._kept.pop()
            except IndexError:
                return None
            if monotonic() < until and wire.usable:
                return wire
            wire.close()

    def _empty(self) -> None:
        while True:
            try:
                self._kept.popleft()[0].close()
            except IndexError:
                return
