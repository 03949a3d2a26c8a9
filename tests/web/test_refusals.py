"""What is logged of clients that reset at once, and of streams that are sent away."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct

import pytest
from structlog.testing import capture_logs

from tests.web.doors import OpenDoor, foreign, own, until
from tests.web.rawhttp import ask, connection, request


@pytest.mark.parametrize("open_door", [own, foreign])
@pytest.mark.parametrize("target", ["/signals/stream", "/signals/stream?poll=1", "/signals/stream?since=all"])
async def test_clients_that_reset_at_once(open_door: OpenDoor, target: str, caplog: pytest.LogCaptureFixture) -> None:
    """Clients that ask for a stream and reset, at whatever moment, are no error to anybody and leave nothing."""
    caplog.set_level(logging.INFO)
    with capture_logs() as logs:
        async with open_door() as door:
            for number in range(100):
                async with connection(door.url) as (_, writer):
                    writer.write(request("GET", target))
                    for _ in range(number % 20):
                        await asyncio.sleep(0)
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await until(lambda: not any(door.counts().values()) and not door.connections())
    assert any(entry["event"] == "stream opened" for entry in logs)
    assert [entry for entry in logs if entry["log_level"] in {"error", "critical"}] == []
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("target", ["/signals/stream?topic=a", "/signals/stream?poll=1&topic=a"])
async def test_streams_that_are_refused(target: str) -> None:
    """Each stream that is sent away leaves one record, with the reason."""
    async with own(max_streams=1) as door:
        async with connection(door.url) as (reader, writer):
            writer.write(request("GET", "/signals/stream"))
            await reader.readuntil(b"signals.open")
            with capture_logs() as logs:
                await ask(door.url, request("GET", target))
            assert [(entry["event"], entry["reason"]) for entry in logs] == [("stream refused", "full")]
            await door.service.drain()
        with capture_logs() as logs:
            await ask(door.url, request("GET", target))
        assert [(entry["event"], entry["reason"]) for entry in logs] == [("stream refused", "shutdown")]
