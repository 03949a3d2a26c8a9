"""What the kernel still holds for a client counts as not taken."""

from __future__ import annotations

import asyncio
import contextlib
import socket

from sse_signals.web.transport import unacknowledged
from tests.fakes import Transport
from tests.web.doors import until


async def test_what_the_client_has_not_taken_is_counted() -> None:
    """Bytes that went to the kernel count until the client's machine took them, and none after the end."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        listener.setblocking(False)
        await loop.sock_connect(client, listener.getsockname())
        accepted, _ = await loop.sock_accept(listener)
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
        transport.write(b"x" * 1_000_000)
        sent = 1_000_000 - transport.get_write_buffer_size()
        assert 0 < unacknowledged(transport) <= sent
        while transport.get_write_buffer_size():
            await loop.sock_recv(client, 65536)
        await until(lambda: not unacknowledged(transport) or _read_some(client))
        transport.abort()
        assert unacknowledged(transport) == 0


def _read_some(client: socket.socket) -> bool:
    """Take what is there, and go on waiting."""
    with contextlib.suppress(BlockingIOError):
        client.recv(65536)
    return False


def test_a_connection_without_a_socket_holds_nothing() -> None:
    """There is no kernel to ask."""
    assert unacknowledged(Transport()) == 0
