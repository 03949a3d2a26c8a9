"""Streams over TLS: an application that others run with a certificate of its own."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import pytest
from aiohttp import web

from sse_signals import EventBroker, SignalsService
from sse_signals.model import Signal
from tests.web.rawhttp import DEADLINE, events, messages

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp


class Door(NamedTuple):
    """An application that listens: where, its log, and what ends it."""

    url: str
    broker: EventBroker
    cleanup: AbstractAsyncContextManager[object]
    client: ssl.SSLContext


OpenDoor = Callable[[], AbstractAsyncContextManager[Door]]


@pytest.fixture
def open_door(tmp_path: Path) -> OpenDoor:
    """Serve an application with a new certificate for this machine."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Door]:
        app, broker = web.Application(), EventBroker.from_url("memory://")
        SignalsService.create(app, event_broker=broker)
        runner = web.AppRunner(app, access_log=None)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server).start()
            yield Door(f"https://127.0.0.1:{runner.addresses[0][1]}/signals/stream", broker, stack, client)

    return opened


async def test_a_poll_of_an_empty_log(open_door: OpenDoor, http: aiohttp.ClientSession) -> None:
    """A poll that finds nothing ends properly."""
    async with asyncio.timeout(DEADLINE), open_door() as door:
        async with http.get(f"{door.url}?poll=1", ssl=door.client) as response:
            body = await response.read()  # fails if the last chunk does not come
        assert [event["event"] for event in events(body)][:1] == ["signals.open"]
        assert messages(body) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3])
async def test_a_stream(open_door: OpenDoor, http: aiohttp.ClientSession, count: int) -> None:
    """A stream gets every event as it is published, and a goodbye and a proper end when the application ends."""
    async with asyncio.timeout(DEADLINE), open_door() as door:
        async with http.get(f"{door.url}?topic=a", ssl=door.client) as response:
            body = b""
            while b"signals.open" not in body or not body.endswith(b"\n\n"):
                body += await response.content.readany()
            for number in range(count):
                await door.broker.publish([Signal(b"%d" % number, "a")])
                while len(messages(body)) <= number:
                    assert not response.content.at_eof()
                    body += await response.content.readany()
            ending = asyncio.create_task(door.cleanup.__aexit__(None, None, None))
            body += await response.read()
            await ending
        assert messages(body) == list(range(count))
        assert events(body)[-1]["event"] == "signals.goodbye"
