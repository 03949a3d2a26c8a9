"""Connections of a load: sockets that never block, plain or TLS."""

from __future__ import annotations

import os
import socket
import ssl
from typing import TYPE_CHECKING, Any, Final

from sse_signals.errors import LoadFailed

if TYPE_CHECKING:
    from sse_signals.bench.target import Address

READ_SIZE: Final = 256 * 1024  # bytes that one read takes at most


class Connector:
    """Makes connections to one address."""

    def __init__(self, address: Address) -> None:
        """Look the address up once, for all connections.

        Raises:
            LoadFailed: The host is not known.
        """
        try:
            found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise LoadFailed(f"The host {address.host!r} is not known: {_reason(error)}.") from None
        self._family: int = found[0][0]
        self._where: Any = found[0][4]  # its shape depends on the family
        self._address = address
        self._context = address.context()

    def connect(self) -> socket.socket:
        """Return a socket that is connected, or still connecting: it can be written to once it can be.

        Raises:
            OSError: It cannot connect.
        """
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(self._where)
        except BlockingIOError:
            pass
        except OSError:
            sock.close()
            raise
        return sock

    def secure(self, sock: socket.socket) -> socket.socket:
        """Return a connected socket wrapped for TLS, if the address wants that; the handshake is still to be done."""
        if self._context is None:
            return sock
        return self._context.wrap_socket(sock, server_hostname=self._address.host, do_handshake_on_connect=False)

    def failed(self, error: OSError) -> LoadFailed:
        """Return what is to be told when a connection failed."""
        where = self._address.netloc
        if isinstance(error, ssl.SSLCertVerificationError):
            return LoadFailed(f"The certificate of {where} is not valid: {error.verify_message}.")
        if isinstance(error, ssl.SSLError):
            return LoadFailed(f"No TLS connection with {where} comes about ({_reason(error)}): may it be http://?")
        return LoadFailed(f"The hub cannot be reached at {where}: {_reason(error)}.")

    def connect_now(self, patience: float) -> socket.socket:
        """Return a socket that is connected and ready to be written to.

        Args:
            patience: Seconds to wait for it.

        Raises:
            OSError: It cannot connect.
        """
        sock = socket.create_connection(self._where[:2], patience)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        secure = self.secure(sock)
        if isinstance(secure, ssl.SSLSocket):
            secure.do_handshake()
        secure.setblocking(False)
        return secure


def raise_failure(sock: socket.socket) -> None:
    """Raise what became of connecting, if it failed.

    Raises:
        OSError: Why.
    """
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def write(sock: socket.socket, data: bytes, patience: float) -> None:
    """Write all of a request.

    Args:
        sock: A connected socket.
        data: The request.
        patience: Seconds it may take.

    Raises:
        OSError: The connection broke, or takes nothing.
    """
    sock.settimeout(patience)
    try:
        sock.sendall(data)
    finally:
        sock.setblocking(False)


def read(sock: socket.socket) -> bytes | None:
    """Return what can be read now: None when there is nothing yet, and no bytes at the end of the connection.

    Raises:
        OSError: The connection broke.
    """
    try:
        data = sock.recv(READ_SIZE)
        # TLS: what is decrypted already does not make the socket readable.
        while isinstance(sock, ssl.SSLSocket) and data and sock.pending():
            data += sock.recv(READ_SIZE)
    except (BlockingIOError, ssl.SSLWantReadError):
        return None
    return data


def idle(sock: socket.socket) -> bool:
    """Say whether a connection on which nothing is awaited can still be used."""
    try:
        return read(sock) is None
    except OSError:
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
