"""One publisher of a load."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sse_signals.bench.answers import closes, status, told
from sse_signals.bench.connections import idle, read, write
from sse_signals.bench.remote import now_us

if TYPE_CHECKING:
    import socket

    from sse_signals.bench.connections import Connector
    from sse_signals.bench.messages import Messages
    from sse_signals.bench.target import Form

PATIENCE: Final = 10.0  # seconds to wait for an answer


class Publisher:
    """One keep-alive connection, one request at a time.

    Attributes:
        form: The place of the form that the last message was sent in.
        sent_us: When it was sent, or should have been.
    """

    def __init__(self, connector: Connector, name: int) -> None:
        """Make a publisher without a connection yet.

        Args:
            connector: Makes connections.
            name: A number that no other publisher of this load has.
        """
        self._connector = connector
        self._name = name
        self._sock: socket.socket | None = None
        self._received = b""
        self._number = 0
        self.form = 0
        self.sent_us = 0

    def send(self, messages: Messages, form: Form, place: int, due_us: int | None = None) -> int:
        """Send the next message; return the number by which the system knows the socket.

        Args:
            messages: What is sent.
            form: How.
            place: The place of this form among all.
            due_us: When it should be sent, in microseconds of the monotonic clock; None for now.

        Raises:
            LoadFailed: The hub cannot be reached.
        """
        self.form = place
        self._received = b""
        try:
            sock = self._connected()
            self.sent_us = now_us() if due_us is None else due_us
            write(sock, form.request(messages.encode(self._number, self._name, self.sent_us)), PATIENCE)
        except OSError as error:
            raise self._connector.failed(error) from None
        self._number += 1
        return sock.fileno()

    def answer(self) -> int | None:
        """Return the status of the answer once it is there; 0 when the connection was lost instead."""
        try:
            data = b"" if self._sock is None else read(self._sock)
            if data is None:
                return None
            self._received += data
            return status(self._received) if data else 0
        except (OSError, ValueError):
            return 0

    def told(self) -> str:
        """Return what the answer says, in words."""
        return told(self._received)

    @property
    def closed(self) -> bool:
        """Whether the other side ends the connection with this answer."""
        return closes(self._received)

    def disconnect(self) -> None:
        """Use another connection for the next request."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _connected(self) -> socket.socket:
        """Return a connection: the one there is, unless the other side has closed it since the last answer."""
        if self._sock is not None and not idle(self._sock):
            self.disconnect()
        if self._sock is None:
            self._sock = self._connector.connect_now(PATIENCE)
        return self._sock
