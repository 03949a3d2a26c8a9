"""What is read from a connection, and whether it can still be used."""

from __future__ import annotations

import socket
import ssl

import pytest

from sse_signals.bench.connections import READ_SIZE, idle, read


def test_what_can_be_read_now() -> None:
    """Bytes, nothing yet, or the end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        assert read(ours) is None
        assert idle(ours)
        theirs.sendall(b"abc")
        assert read(ours) == b"abc"
        theirs.close()
        assert read(ours) == b""
        assert not idle(ours)


def test_a_connection_that_was_reset_is_of_no_use() -> None:
    """It does not fail where nothing is awaited; another one is taken."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        with pytest.raises(ConnectionResetError):
            read(ours)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        theirs, _ = server.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        assert not idle(ours)


class Decrypted(ssl.SSLSocket):
    """A TLS connection that has decrypted more than one read takes."""

    parts: list[bytes]

    def recv(self, _size: int = 0, _flags: int = 0) -> bytes:
        return self.parts.pop(0)

    def pending(self) -> int:
        return len(self.parts)


def test_what_is_decrypted_already_is_read_with_the_rest() -> None:
    """The system does not tell that it is there."""
    decrypted = Decrypted.__new__(Decrypted)
    decrypted.parts = [b"a" * 10, b"b", b"c"]
    assert read(decrypted) == b"a" * 10 + b"bc"
    assert READ_SIZE > 16_384  # a TLS record
